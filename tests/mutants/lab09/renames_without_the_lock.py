"""rename does not take the lock.

fails: 9.15
hint 9.15: All threads use one connection, and it has one transaction.
"""


class History:
    def rename(self, old, new):
        with self._db:
            self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
