"""Each method has a lock of its own.

fails: 9.15
hint 9.15: All threads use one connection, and it has one transaction.
"""


class History:
    def __init__(self, path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db_lock = threading.Lock()
        with self._db_lock, self._db:
            self._db.execute(TABLE)
        self._rename_lock = threading.Lock()

    def rename(self, old, new):
        with self._rename_lock, self._db:
            self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
