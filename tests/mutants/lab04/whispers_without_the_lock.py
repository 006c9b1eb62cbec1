"""whisper() takes no lock: there are only two in it, after all.

fails: 4.18
hint 4.18: Who holds what
"""


class Room:
    def whisper(self, name, to, text):
        if name_key(name) not in self._members or name_key(to) not in self._members:
            return False
        shown, _ = self._members[name_key(name)]
        _, outbox = self._members[name_key(to)]
        outbox.put(f"{shown} (private): {text}")
        return True
