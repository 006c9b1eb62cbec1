"""select is asked without waiting, again and again.

fails: 11.13
hint 11.13: Nobody says anything. How often does your loop
"""


class LoopServer:
    def one_pass(self):
        for key, events in self.selector.select(0):
            if key.fileobj is self.listener:
                self.accept()
            elif key.fileobj is self.woken:
                self.is_stopping = True
            else:
                self.serve(key.data, events)
        self.keep_deadlines()
        while due := [guest for guest in self.guests if self.is_due(guest)]:  # who goes may be news for the others
            for guest in due:
                self.send(guest)
