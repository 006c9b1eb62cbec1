"""Who is renamed reads the line for the others, too.

fails: 4.15
hint 4.15: Two refusals
"""


class Room:
    def rename(self, old, new):
        with self._lock:
            is_taken = name_key(new) in self._members and name_key(new) != name_key(old)
            if is_taken or name_key(old) not in self._members:
                return False
            shown, outbox = self._members.pop(name_key(old))
            self._members[name_key(new)] = (new, outbox)
            outbox.put(f"* You are now {new}.")
            self._tell_locked(f"* {shown} is now {new}")
            return True
