"""whisper() takes one lock and then the other, rename() the other way round.

fails: 4.18
hint 4.18: Who holds what
"""


import threading


class Room:
    def __init__(self):
        self._lock = threading.Lock()
        self._private_lock = threading.Lock()
        self._members = {}

    def whisper(self, name, to, text):
        with self._private_lock:
            with self._lock:
                if name_key(name) not in self._members or name_key(to) not in self._members:
                    return False
                shown, _ = self._members[name_key(name)]
                _, outbox = self._members[name_key(to)]
                outbox.put(f"{shown} (private): {text}")
                return True

    def rename(self, old, new):
        with self._lock, self._private_lock:
            is_taken = name_key(new) in self._members and name_key(new) != name_key(old)
            if is_taken or name_key(old) not in self._members:
                return False
            shown, outbox = self._members.pop(name_key(old))
            outbox.put(f"* You are now {new}.")
            self._tell_locked(f"* {shown} is now {new}")
            self._members[name_key(new)] = (new, outbox)
            return True
