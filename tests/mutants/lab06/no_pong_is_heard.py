"""Every line with a pong in it is kept from the person.

fails: 6.11
hint 6.11: What does `ping` do
"""


class ChatClient:
    def take(self, line):
        if "* pong" in line:
            return
        if line.startswith("* You are now "):
            self.name = line.removeprefix("* You are now ").removesuffix(".")
        if line.startswith("* Goodbye, "):
            self._is_leaving = True
        self.hear(line)
