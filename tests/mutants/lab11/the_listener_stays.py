"""The listener is not closed.

fails: 11.18
hint 11.18: The loop waits in select, perhaps for ever.
"""


class LoopServer:
    def end(self):
        self.room.close()
        for guest in list(self.guests):
            try:
                guest.outbox.send(guest.connection)
                guest.connection.shutdown(socket.SHUT_WR)
                receive_now(guest.connection)  # what is closed with unread bytes is reset
            except OSError:
                pass  # gone already
            self.drop(guest)
        for sock in (self.woken,):
            self.selector.unregister(sock)
            sock.close()
        self.selector.close()
