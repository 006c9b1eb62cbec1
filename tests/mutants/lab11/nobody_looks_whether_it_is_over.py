"""The outbox is over, and the guest stays.

fails: 11.15
hint 11.15: The outbox of a guest is over. Who
"""


class LoopServer:
    def send(self, guest):
        try:
            guest.takes_more = not guest.outbox.send(guest.connection)
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
