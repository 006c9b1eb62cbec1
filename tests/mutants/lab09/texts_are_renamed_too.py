"""The old name is replaced in all texts.

fails: 9.14
hint 9.14: rename makes two statements. What is in the file between
"""


class History:
    def rename(self, old, new):
        with self._db_lock, self._db:
            self._db.execute("UPDATE lines SET name = ? WHERE name = ?", (new, old))
            self._db.execute("UPDATE lines SET text = replace(text, ?, ?)", (old, new))
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (SERVER, f"{old} is now {new}"))
