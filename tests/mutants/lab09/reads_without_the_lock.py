"""last does not take the lock.

fails: 9.15
hint 9.15: All threads use one connection, and it has one transaction.
"""


class History:
    def last(self, count):
        found = self._db.execute("SELECT name, text FROM lines ORDER BY number DESC LIMIT ?", (count,))
        return found.fetchall()[::-1]
