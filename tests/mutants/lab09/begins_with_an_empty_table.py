"""What was in the file is thrown away when it is opened.

fails: 9.7
hint 9.7: INSERT begins a transaction. Who ends it, and when? What
"""


class History:
    def __init__(self, path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db_lock = threading.Lock()
        with self._db_lock, self._db:
            self._db.execute("DROP TABLE IF EXISTS lines")
            self._db.execute(TABLE)
