"""The others are told of the new name when the lock has been given back.

fails: 4.16
hint 4.16: Between looking and taking
"""


class Room:
    def rename(self, old, new):
        with self._lock:
            is_taken = name_key(new) in self._members and name_key(new) != name_key(old)
            if is_taken or name_key(old) not in self._members:
                return False
            shown, outbox = self._members.pop(name_key(old))
            others = [outbox for _, outbox in self._members.values()]
            self._members[name_key(new)] = (new, outbox)
        outbox.put(f"* You are now {new}.")
        for other in others:
            other.put(f"* {shown} is now {new}")
        return True
