"""Whatever `hear` raises is dropped, and the next line read.

fails: 6.15
hint 6.15: If `hear` raises
"""


class ChatClient:
    def take(self, line):
        if line == "* pong":
            return
        if line.startswith("* You are now "):
            self.name = line.removeprefix("* You are now ").removesuffix(".")
        if line.startswith("* Goodbye, "):
            self._is_leaving = True
        try:
            self.hear(line)
        except Exception:
            pass
