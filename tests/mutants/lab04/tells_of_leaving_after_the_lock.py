"""The others are told that somebody left when the lock has been given back.

fails: 4.13
hint 4.13: What did the others read first
"""


class Room:
    def leave(self, name, how="left"):
        with self._lock:
            member = self._members.pop(name_key(name), None)
            others = [outbox for _, outbox in self._members.values()]
        if member is None:
            return False
        for outbox in others:
            outbox.put(f"* {member[0]} {how}")
        return True
