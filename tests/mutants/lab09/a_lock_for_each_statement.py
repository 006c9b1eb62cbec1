"""The lock is given back between the statements of one transaction.

fails: 9.15
hint 9.15: All threads use one connection, and it has one transaction.
"""


class History:
    def rename(self, old, new):
        try:
            with self._db_lock:
                self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            with self._db_lock:
                self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
            with self._db_lock:
                self._db.commit()
        except sqlite3.Error:
            with self._db_lock:
                self._db.rollback()
            raise
