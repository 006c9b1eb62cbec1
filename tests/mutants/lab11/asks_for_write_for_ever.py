"""Once something was left over, the selector is asked for WRITE for ever.

fails: 11.13
hint 11.13: Nobody says anything. How often does your loop
"""


class LoopServer:
    def ask(self, guest):
        events = (0 if guest.has_ended else READ) | (0 if guest.takes_more else WRITE)
        if events:
            events |= self.selector.get_key(guest.connection).events & WRITE
            self.selector.modify(guest.connection, events, guest)
