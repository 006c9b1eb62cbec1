"""A thread of its own puts each line, and nobody knows when.

fails: 4.10
hint 4.10: Whose outbox gets the line
"""


import threading


class Room:
    def say(self, name, text):
        threading.Thread(target=self._say, args=[name, text]).start()

    def _say(self, name, text):
        with self._lock:
            if name_key(name) in self._members:
                shown, _ = self._members[name_key(name)]
                self._tell_locked(f"{shown}: {text}", but=name)
