"""Deadlines are looked at when something comes.

fails: 11.16
hint 11.16: Nothing comes from this guest, so nothing is
"""


class LoopServer:
    def one_pass(self):
        for key, events in self.selector.select():
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
