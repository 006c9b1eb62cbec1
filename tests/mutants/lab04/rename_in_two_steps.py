"""The old name is given up under the lock, and the new one taken under it a moment later.

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
        with self._lock:
            outbox.put(f"* You are now {new}.")
            self._tell_locked(f"* {shown} is now {new}")
            self._members[name_key(new)] = (new, outbox)
            return True
