"""The cursor is returned, and not its rows.

fails: 9.8
hint 9.8: ORDER BY number DESC LIMIT ? gives the newest first. In
"""


class History:
    def last(self, count):
        with self._db_lock:
            sql = "SELECT name, text FROM lines ORDER BY number DESC LIMIT ?"
            return self._db.execute(f"SELECT name, text FROM ({sql}) ORDER BY 1", (count,))
