"""When all is sent the connection is closed, whatever still comes.

fails: 11.17
hint 11.17: You have said goodbye. What still waits for
"""


class LoopServer:
    def send(self, guest):
        try:
            guest.takes_more = not guest.outbox.send(guest.connection)
            if guest.outbox.is_over:
                self.leave(guest)
            if guest.stage == LEAVING and guest.takes_more and not guest.is_shut:
                guest.connection.shutdown(socket.SHUT_WR)
                guest.is_shut = True
        except OSError:
            self.drop(guest)
            return
        if guest.is_shut:
            self.drop(guest)
        else:
            self.ask(guest)
