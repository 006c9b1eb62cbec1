"""Only the percent sign is escaped.

fails: 9.11
hint 9.11: To LIKE, `%` is any number of characters, and `_` is one.
"""


class History:
    def search(self, words):
        words = words.replace("\\", "\\\\").replace("%", "\\%")
        sql = "SELECT name, text FROM lines WHERE text LIKE ? ESCAPE '\\' ORDER BY number"
        with self._db_lock:
            return self._db.execute(sql, (f"%{words}%",)).fetchall()
