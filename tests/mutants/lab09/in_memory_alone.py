"""The lines are in a list, and in the file only when it is closed.

fails: 9.7
hint 9.7: INSERT begins a transaction. Who ends it, and when? What
"""


class History:
    def __init__(self, path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db_lock = threading.Lock()
        self._lines = []
        with self._db_lock, self._db:
            self._db.execute(TABLE)

    def close(self):
        with self._db_lock:
            with self._db:
                self._db.executemany("INSERT INTO lines (name, text) VALUES (?, ?)", self._lines)
            self._db.close()

    def add(self, name, text):
        with self._db_lock:
            self._lines.append((name, text))
