"""There is a second connection for those who read, and it belongs to the thread that has made it.

fails: 9.12
hint 9.12: What stands in the way: the thread that has made the
"""


class History:
    def __init__(self, path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db_lock = threading.Lock()
        with self._db_lock, self._db:
            self._db.execute(TABLE)
        self._reading = sqlite3.connect(path)

    def close(self):
        with self._db_lock:
            self._db.close()
            self._reading.close()

    def last(self, count):
        found = self._reading.execute("SELECT name, text FROM lines ORDER BY number DESC LIMIT ?", (count,))
        return found.fetchall()[::-1]
