"""One of several words is enough.

fails: 9.10
hint 9.10: SELECT ... WHERE text LIKE ?: what stands for the words,
"""


class History:
    def search(self, words):
        with self._db_lock:
            lines = self._db.execute("SELECT name, text FROM lines ORDER BY number").fetchall()
        wanted = words.lower().split(" ")
        return [(name, text) for name, text in lines if any(word in text.lower() for word in wanted)]
