"""leave() looks whether somebody is here, and takes the lock only then: two of them tell of it.

fails: 4.7
hint 4.7: Two threads let ana leave
"""


class Room:
    def leave(self, name, how="left"):
        if name_key(name) not in self._members:
            return False
        with self._lock:
            shown, _ = self._members.pop(name_key(name), (name, None))
            self._tell_locked(f"* {shown} {how}")
            return True
