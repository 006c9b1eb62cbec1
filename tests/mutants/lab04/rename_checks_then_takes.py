"""rename() looks whether the new name is free, and takes the lock only then.

fails: 4.16
hint 4.16: Between looking and taking
"""


class Room:
    def rename(self, old, new):
        is_taken = name_key(new) in self._members and name_key(new) != name_key(old)
        if is_taken or name_key(old) not in self._members:
            return False
        with self._lock:
            shown, outbox = self._members.pop(name_key(old))
            outbox.put(f"* You are now {new}.")
            self._tell_locked(f"* {shown} is now {new}")
            self._members[name_key(new)] = (new, outbox)
            return True
