"""Each of the two statements is a transaction of its own.

fails: 9.14
hint 9.14: rename makes two statements. What is in the file between
"""


class History:
    def rename(self, old, new):
        with self._db_lock:
            with self._db:
                self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            with self._db:
                self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
