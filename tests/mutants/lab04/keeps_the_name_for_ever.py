"""Who leaves is told of, and stays in the dictionary.

fails: 4.6
hint 4.6: Who is to read that ana left
"""


class Room:
    def leave(self, name, how="left"):
        with self._lock:
            if name_key(name) not in self._members:
                return False
            shown, _ = self._members[name_key(name)]
            self._tell_locked(f"* {shown} {how}", but=name)
            return True
