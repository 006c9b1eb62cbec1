"""The copy of the members is older than the lock; who has left since is left out, who has come is missed.

fails: 4.12
hint 4.12: bob and carla must agree
"""


class Room:
    def say(self, name, text):
        members = dict(self._members)
        with self._lock:
            if name_key(name) in self._members:
                shown, _ = self._members[name_key(name)]
                for key, (_, outbox) in members.items():
                    if key != name_key(name) and key in self._members:
                        outbox.put(f"{shown}: {text}")
