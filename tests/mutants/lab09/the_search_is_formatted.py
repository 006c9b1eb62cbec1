"""The words are a part of the statement.

fails: 9.10
hint 9.10: SELECT ... WHERE text LIKE ?: what stands for the words,
"""


class History:
    def search(self, words):
        for special in ("\\", "%", "_"):
            words = words.replace(special, "\\" + special)
        sql = f"SELECT name, text FROM lines WHERE text LIKE '%{words}%' ESCAPE '\\' ORDER BY number"
        with self._db_lock:
            return self._db.execute(sql).fetchall()
