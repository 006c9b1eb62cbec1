"""close() tells everyone, and they stay in the room.

fails: 4.17
hint 4.17: Who is still in the room after close()
"""


class Room:
    def close(self):
        with self._lock:
            self._tell_locked("* The server is stopping.")
