"""A slice from -0 on is the whole list.

fails: 9.8
hint 9.8: ORDER BY number DESC LIMIT ? gives the newest first. In
"""


class History:
    def last(self, count):
        with self._db_lock:
            found = self._db.execute("SELECT name, text FROM lines ORDER BY number").fetchall()
            return found[-count:]
