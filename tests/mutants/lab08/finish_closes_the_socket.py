"""finish closes, and unread bytes make a reset of it.

fails: 8.12
hint 8.12: finish ends our direction, and then waits for
"""


class Outbox:
    def finish(self):
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._writer.join(self.close_seconds)
        self.connection.close()
