"""Who is not here leaves with a KeyError.

fails: 4.6
hint 4.6: Who is to read that ana left
"""


class Room:
    def leave(self, name, how="left"):
        with self._lock:
            shown, _ = self._members.pop(name_key(name))
            self._tell_locked(f"* {shown} {how}")
            return True
