"""The connection is closed, and the selector not told.

fails: 11.14
hint 11.14: A reset makes recv raise, a broken connection
"""


class LoopServer:
    def drop(self, guest):
        self.leave(guest)
        self.guests.remove(guest)
        guest.connection.close()
