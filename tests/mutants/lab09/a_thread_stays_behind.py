"""The thread of the History goes on when it is closed.

fails: 9.6
hint 9.6: Who executes TABLE, and what becomes of it when the file
"""


class History:
    def __init__(self, path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db_lock = threading.Lock()
        with self._db_lock, self._db:
            self._db.execute(TABLE)
        self._is_over = threading.Event()
        threading.Thread(target=self._is_over.wait, name="history-writer", daemon=True).start()
