"""Who leaves is not asked for READ any more, so that their end is not noticed.

fails: 11.17
hint 11.17: You have said goodbye. What still waits for
"""


class LoopServer:
    def ask(self, guest):
        events = (0 if guest.has_ended or guest.stage == LEAVING else READ) | (0 if guest.takes_more else WRITE)
        if not events and not guest.has_ended:
            self.selector.modify(guest.connection, WRITE, guest)
        elif events:  # without any, it is due to be closed
            self.selector.modify(guest.connection, events, guest)
