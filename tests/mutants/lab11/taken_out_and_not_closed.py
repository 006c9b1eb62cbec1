"""The connection is taken out of the selector, and stays open.

fails: 11.14
hint 11.14: A reset makes recv raise, a broken connection
"""


class LoopServer:
    def drop(self, guest):
        self.leave(guest)
        self.guests.remove(guest)
        self.selector.unregister(guest.connection)
        self.gone = [*getattr(self, "gone", []), guest]
