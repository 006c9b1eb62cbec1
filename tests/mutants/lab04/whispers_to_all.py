"""Everybody else reads the private line.

fails: 4.14
hint 4.14: One outbox gets the line
"""


class Room:
    def whisper(self, name, to, text):
        with self._lock:
            if name_key(name) not in self._members or name_key(to) not in self._members:
                return False
            shown, _ = self._members[name_key(name)]
            self._tell_locked(f"{shown} (private): {text}", but=name)
            return True
