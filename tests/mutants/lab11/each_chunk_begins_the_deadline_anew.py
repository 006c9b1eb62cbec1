"""The deadline begins anew with all that comes.

fails: 11.16
hint 11.16: Nothing comes from this guest, so nothing is
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
                if guest.stage == NAMING:
                    guest.deadline = time.monotonic() + self.naming_seconds
                self.hear(guest, chunk)
            elif chunk == b"":
                guest.has_ended = True
                self.leave(guest)
                self.ask(guest)
