"""b"" is taken for nothing.

fails: 11.13 11.14
hint 11.13: Nobody says anything. How often does your loop
"""


class LoopServer:
    def serve(self, guest, events):
        if events & WRITE:
            guest.takes_more = True
        if events & READ:
            try:
                chunk = receive_now(guest.connection)
            except OSError:
                self.drop(guest)
                return
            if chunk:
                self.hear(guest, chunk)
