"""WHERE is forgotten.

fails: 9.14
hint 9.14: rename makes two statements. What is in the file between
"""


class History:
    def rename(self, old, new):
        with self._db_lock, self._db:
            self._db.execute("UPDATE lines SET name = ?", (new,))
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
