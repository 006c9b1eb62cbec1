"""Who whispers to somebody who is not here keeps the lock for ever.

fails: 4.14
hint 4.14: One outbox gets the line
"""


class Room:
    def whisper(self, name, to, text):
        self._lock.acquire()
        if name_key(name) not in self._members or name_key(to) not in self._members:
            return False
        shown, _ = self._members[name_key(name)]
        _, outbox = self._members[name_key(to)]
        outbox.put(f"{shown} (private): {text}")
        self._lock.release()
        return True
