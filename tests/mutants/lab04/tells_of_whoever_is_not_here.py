"""Everyone reads that somebody has left who was not here.

fails: 4.6
hint 4.6: Who is to read that ana left
"""


class Room:
    def leave(self, name, how="left"):
        with self._lock:
            is_here = self._members.pop(name_key(name), None) is not None
            self._tell_locked(f"* {name} {how}")
            return is_here
