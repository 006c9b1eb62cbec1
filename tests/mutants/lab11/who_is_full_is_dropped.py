"""Whose connection does not take all is dropped.

fails: 11.12
hint 11.12: A connection has taken a part. Who tells
"""


class LoopServer:
    def send(self, guest):
        try:
            guest.takes_more = not guest.outbox.send(guest.connection)
            if guest.outbox.is_over or not guest.takes_more:
                self.leave(guest)
            if guest.stage == LEAVING and guest.takes_more and not guest.is_shut:
                guest.connection.shutdown(socket.SHUT_WR)
                guest.is_shut = True
        except OSError:
            self.drop(guest)
            return
        if guest.is_shut and guest.has_ended:
            self.drop(guest)
        else:
            self.ask(guest)
