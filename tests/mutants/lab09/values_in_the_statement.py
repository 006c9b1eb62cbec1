"""The statement is made by formatting.

fails: 9.9
hint 9.9: Write down the whole SQL statement that your code makes for
"""


class History:
    def add(self, name, text):
        with self._db_lock, self._db:
            self._db.execute(f"INSERT INTO lines (name, text) VALUES ('{name}', '{text}')")
