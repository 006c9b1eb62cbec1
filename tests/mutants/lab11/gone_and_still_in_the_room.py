"""Whose connection breaks is closed, and stays in the room.

fails: 11.14
hint 11.14: A reset makes recv raise, a broken connection
"""


class LoopServer:
    def drop(self, guest):
        self.guests.remove(guest)
        self.selector.unregister(guest.connection)
        guest.connection.close()
