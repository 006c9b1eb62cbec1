"""All is taken back, and nobody is told.

fails: 9.13
hint 9.13: Line 3 of 5 is refused. What has become of lines 1 and 2,
"""


class History:
    def add_all(self, lines):
        try:
            with self._db_lock, self._db:
                self._db.executemany("INSERT INTO lines (name, text) VALUES (?, ?)", lines)
        except sqlite3.IntegrityError:
            pass
