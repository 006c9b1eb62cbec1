"""The line begins with the name as say() was given it, not as the room shows it.

fails: 4.10
hint 4.10: Whose outbox gets the line
"""


class Room:
    def say(self, name, text):
        with self._lock:
            if name_key(name) in self._members:
                self._tell_locked(f"{name}: {text}", but=name)
