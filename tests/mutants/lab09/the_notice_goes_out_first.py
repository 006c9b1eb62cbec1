"""The notice is added first, in a transaction of its own.

fails: 9.14
hint 9.14: rename makes two statements. What is in the file between
"""


class History:
    def rename(self, old, new):
        self.add(SERVER, f"{old} is now {new}")
        with self._db_lock, self._db:
            self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
