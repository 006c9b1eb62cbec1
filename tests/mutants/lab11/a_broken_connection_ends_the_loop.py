"""Nobody catches what send raises.

fails: 11.14
hint 11.14: A reset makes recv raise, a broken connection
"""


class LoopServer:
    def send(self, guest):
        guest.takes_more = not guest.outbox.send(guest.connection)
        if guest.outbox.is_over:
            self.leave(guest)
        if guest.stage == LEAVING and guest.takes_more and not guest.is_shut:
            try:
                guest.connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            guest.is_shut = True
        if guest.is_shut and guest.has_ended:
            self.drop(guest)
        else:
            self.ask(guest)
