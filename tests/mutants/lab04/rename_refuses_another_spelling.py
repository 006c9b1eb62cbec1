"""ana cannot become Ana, since that name is taken: by herself.

fails: 4.15
hint 4.15: Two refusals
"""


class Room:
    def rename(self, old, new):
        with self._lock:
            if name_key(new) in self._members or name_key(old) not in self._members:
                return False
            shown, outbox = self._members.pop(name_key(old))
            outbox.put(f"* You are now {new}.")
            self._tell_locked(f"* {shown} is now {new}")
            self._members[name_key(new)] = (new, outbox)
            return True
