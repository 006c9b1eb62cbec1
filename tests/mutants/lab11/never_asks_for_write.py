"""What is left over is sent when something comes next.

fails: 11.12
hint 11.12: A connection has taken a part. Who tells
"""


class LoopServer:
    def ask(self, guest):
        events = 0 if guest.has_ended else READ
        if events:  # without any, it is due to be closed
            self.selector.modify(guest.connection, events, guest)
