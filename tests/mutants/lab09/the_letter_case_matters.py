"""Small and capital letters differ.

fails: 9.10
hint 9.10: SELECT ... WHERE text LIKE ?: what stands for the words,
"""


class History:
    def search(self, words):
        sql = "SELECT name, text FROM lines WHERE instr(text, ?) > 0 ORDER BY number"
        with self._db_lock:
            return self._db.execute(sql, (words,)).fetchall()
