"""Who has ended is asked for READ as before.

fails: 11.13
hint 11.13: Nobody says anything. How often does your loop
"""


class LoopServer:
    def ask(self, guest):
        events = READ | (0 if guest.takes_more else WRITE)
        if events:  # without any, it is due to be closed
            self.selector.modify(guest.connection, events, guest)
