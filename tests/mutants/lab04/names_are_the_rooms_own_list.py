"""names() hands out the list that the room itself keeps up to date.

fails: 4.8
hint 4.8: A list of names, as they are shown
"""


import threading


class Room:
    def __init__(self):
        self._lock = threading.Lock()
        self._members = {}
        self._names = []

    def names(self):
        with self._lock:
            self._names[:] = self._names_locked()
            return self._names

    def leave(self, name, how="left"):
        with self._lock:
            member = self._members.pop(name_key(name), None)
            if member is None:
                return False
            shown, _ = member
            self._names[:] = self._names_locked()
            self._tell_locked(f"* {shown} {how}")
            return True
