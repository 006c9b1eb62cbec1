"""Whose turn is over in this pass reads in the next one who has gone.

fails: 11.14 11.15
hint 11.14: A reset makes recv raise, a broken connection
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
        for guest in list(self.guests):
            if self.is_due(guest):
                self.send(guest)
