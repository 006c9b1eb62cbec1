"""The loop goes on until all clients have gone.

fails: 11.18
hint 11.18: The loop waits in select, perhaps for ever.
"""


class LoopServer:
    def run(self):
        while not self.is_stopping:
            self.one_pass()
        self.selector.unregister(self.woken)
        self.room.close()
        for guest in self.guests:
            self.leave(guest)
        while self.guests:
            self.one_pass()
        self.end()

    def end(self):
        for guest in list(self.guests):
            try:
                guest.outbox.send(guest.connection)
                guest.connection.shutdown(socket.SHUT_WR)
                receive_now(guest.connection)  # what is closed with unread bytes is reset
            except OSError:
                pass  # gone already
            self.drop(guest)
        self.listener.close()
        self.woken.close()
        self.selector.close()
