"""The transaction that INSERT has begun is not ended.

fails: 9.7
hint 9.7: INSERT begins a transaction. Who ends it, and when? What
"""


class History:
    def add(self, name, text):
        with self._db_lock:
            self._db.execute("INSERT INTO lines (name, text) VALUES (?, ?)", (name, text))
