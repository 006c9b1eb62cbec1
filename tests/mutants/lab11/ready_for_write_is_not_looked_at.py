"""The selector says that a connection takes more, and nobody listens.

fails: 11.12
hint 11.12: A connection has taken a part. Who tells
"""


class LoopServer:
    def serve(self, guest, events):
        if events & READ:
            try:
                chunk = receive_now(guest.connection)
            except OSError:
                self.drop(guest)
                return
            if chunk:
                self.hear(guest, chunk)
            elif chunk == b"":
                guest.has_ended = True
                self.leave(guest)
                self.ask(guest)
