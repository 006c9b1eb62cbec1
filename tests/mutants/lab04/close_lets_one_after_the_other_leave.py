"""close() lets them leave one by one, and each tells all the others of it.

fails: 4.17
hint 4.17: Who is still in the room after close()
"""


class Room:
    def close(self):
        with self._lock:
            self._tell_locked("* The server is stopping.")
            names = self._names_locked()
        for name in names:
            self.leave(name)
