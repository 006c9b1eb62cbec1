"""The thread ends, and all connections stay open.

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
        for sock in (self.listener, self.woken):
            self.selector.unregister(sock)
            sock.close()
        self.selector.close()
