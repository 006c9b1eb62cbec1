"""/nick changes the name for everybody but the client itself.

fails: 6.12
hint 6.12: Which line tells us
"""


class ChatClient:
    def take(self, line):
        if line == "* pong":
            return
        if line.startswith("* Goodbye, "):
            self._is_leaving = True
        self.hear(line)
