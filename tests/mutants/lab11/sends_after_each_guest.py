"""What one guest has said is sent before the next one is heard.

fails: 11.11
hint 11.11: Three lines came in one pass. How often
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
                for guest in [guest for guest in self.guests if self.is_due(guest)]:
                    self.send(guest)
        self.keep_deadlines()
        while due := [guest for guest in self.guests if self.is_due(guest)]:  # who goes may be news for the others
            for guest in due:
                self.send(guest)
