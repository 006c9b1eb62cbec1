"""Nobody catches what recv raises.

fails: 11.14
hint 11.14: A reset makes recv raise, a broken connection
"""


class LoopServer:
    def serve(self, guest, events):
        if events & WRITE:
            guest.takes_more = True
        if events & READ:
            chunk = receive_now(guest.connection)
            if chunk:
                self.hear(guest, chunk)
            elif chunk == b"":
                guest.has_ended = True
                self.leave(guest)
                self.ask(guest)
