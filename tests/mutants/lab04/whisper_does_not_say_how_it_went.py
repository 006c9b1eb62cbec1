"""whisper() returns nothing.

fails: 4.14
hint 4.14: One outbox gets the line
"""


class Room:
    def whisper(self, name, to, text):
        with self._lock:
            if name_key(name) in self._members and name_key(to) in self._members:
                shown, _ = self._members[name_key(name)]
                _, outbox = self._members[name_key(to)]
                outbox.put(f"{shown} (private): {text}")
