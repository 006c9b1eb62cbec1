"""The lines are returned as LIMIT gives them.

fails: 9.8
hint 9.8: ORDER BY number DESC LIMIT ? gives the newest first. In
"""


class History:
    def last(self, count):
        with self._db_lock:
            found = self._db.execute("SELECT name, text FROM lines ORDER BY number DESC LIMIT ?", (count,))
            return found.fetchall()
