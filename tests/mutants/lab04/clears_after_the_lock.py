"""The lock is given back between the last line and the clearing.

fails: 4.17
hint 4.17: Who is still in the room after close()
"""


class Room:
    def close(self):
        with self._lock:
            self._tell_locked("* The server is stopping.")
        self._members.clear()
