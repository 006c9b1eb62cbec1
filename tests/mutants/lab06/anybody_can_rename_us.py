"""The words of the notice are looked for anywhere in the line.

fails: 6.12
hint 6.12: Which line tells us
"""


class ChatClient:
    def take(self, line):
        if line == "* pong":
            return
        if "You are now " in line:
            self.name = line.partition("You are now ")[2].removesuffix(".")
        if line.startswith("* Goodbye, "):
            self._is_leaving = True
        self.hear(line)
