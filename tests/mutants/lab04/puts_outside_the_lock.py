"""A copy is made under the lock, and the lines are put without it.

fails: 4.11
hint 4.11: Two talk at one moment
"""


class Room:
    def say(self, name, text):
        with self._lock:
            if name_key(name) not in self._members:
                return
            shown, _ = self._members[name_key(name)]
            others = [outbox for key, (_, outbox) in self._members.items() if key != name_key(name)]
        for outbox in others:
            outbox.put(f"{shown}: {text}")
