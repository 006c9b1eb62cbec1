"""The speaker reads her own line.

fails: 4.10
hint 4.10: Whose outbox gets the line
"""


class Room:
    def say(self, name, text):
        with self._lock:
            if name_key(name) in self._members:
                shown, _ = self._members[name_key(name)]
                self._tell_locked(f"{shown}: {text}")
