"""Who leaves is closed at once, whatever waits.

fails: 11.15 11.17
hint 11.15: The outbox of a guest is over. Who
"""


class LoopServer:
    def one_pass(self):
        for key, events in self.selector.select(self.seconds_left()):
            if key.fileobj is self.listener:
                self.accept()
            elif key.fileobj is self.woken:
                self.is_stopping = True
            else:
                self.serve(key.data, events)
        self.keep_deadlines()
        for guest in [guest for guest in self.guests if guest.stage == LEAVING and not guest.takes_more]:
            self.drop(guest)
        while due := [guest for guest in self.guests if self.is_due(guest)]:  # who goes may be news for the others
            for guest in due:
                self.send(guest)
