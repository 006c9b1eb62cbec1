"""The server's goodbye is heard, and the end after it taken for an accident.

fails: 6.13
hint 6.13: The lines are over
"""


class ChatClient:
    def take(self, line):
        if line == "* pong":
            return
        if line.startswith("* You are now "):
            self.name = line.removeprefix("* You are now ").removesuffix(".")
        self.hear(line)
