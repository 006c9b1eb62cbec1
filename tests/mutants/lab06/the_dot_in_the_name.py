"""The dot that ends the notice becomes a part of the name.

fails: 6.12
hint 6.12: Which line tells us
"""


class ChatClient:
    def take(self, line):
        if line == "* pong":
            return
        if line.startswith("* You are now "):
            self.name = line.removeprefix("* You are now ")
        if line.startswith("* Goodbye, "):
            self._is_leaving = True
        self.hear(line)
