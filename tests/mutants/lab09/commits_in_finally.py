"""What was done until the error is committed.

fails: 9.13
hint 9.13: Line 3 of 5 is refused. What has become of lines 1 and 2,
"""


class History:
    def add_all(self, lines):
        with self._db_lock:
            try:
                for line in lines:
                    self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", line)
            finally:
                self._db.commit()
