"""The connection belongs to the thread that has made it.

fails: 9.12
hint 9.12: What stands in the way: the thread that has made the
"""


class History:
    def __init__(self, path):
        self._db = sqlite3.connect(path)
        self._db_lock = threading.Lock()
        with self._db_lock, self._db:
            self._db.execute(TABLE)
