"""Only a text that begins with the words is found.

fails: 9.10
hint 9.10: SELECT ... WHERE text LIKE ?: what stands for the words,
"""


class History:
    def search(self, words):
        for special in ("\\", "%", "_"):
            words = words.replace(special, "\\" + special)
        sql = "SELECT name, text FROM lines WHERE text LIKE ? ESCAPE '\\' ORDER BY number"
        with self._db_lock:
            return self._db.execute(sql, (f"{words}%",)).fetchall()
