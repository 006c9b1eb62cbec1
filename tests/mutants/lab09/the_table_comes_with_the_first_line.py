"""The table is not made before somebody says something.

fails: 9.6
hint 9.6: Who executes TABLE, and what becomes of it when the file
"""


class History:
    def __init__(self, path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db_lock = threading.Lock()

    def add(self, name, text):
        with self._db_lock, self._db:
            self._db.execute(TABLE)
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (name, text))
