"""The lines that are not refused are kept.

fails: 9.13
hint 9.13: Line 3 of 5 is refused. What has become of lines 1 and 2,
"""


class History:
    def add_all(self, lines):
        with self._db_lock, self._db:
            for line in lines:
                try:
                    self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", line)
                except sqlite3.IntegrityError:
                    pass
