"""A line that is there already is not put again.

fails: 9.7
hint 9.7: INSERT begins a transaction. Who ends it, and when? What
"""


class History:
    def add(self, name, text):
        with self._db_lock, self._db:
            sql = "SELECT 1 FROM lines WHERE name = ? AND text = ?"
            if self._db.execute(sql, (name, text)).fetchone() is None:
                self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (name, text))
