"""Who has left is still heard.

fails: 4.10
hint 4.10: Whose outbox gets the line
"""


class Room:
    def say(self, name, text):
        with self._lock:
            shown, _ = self._members.get(name_key(name), (name, None))
            self._tell_locked(f"{shown}: {text}", but=name)
