"""The lock of `send` is held while `hear` is at work: nobody can send meanwhile.

fails: 6.9
hint 6.9: Who calls `hear`
"""


class ChatClient:
    def take(self, line):
        if line == "* pong":
            return
        if line.startswith("* You are now "):
            self.name = line.removeprefix("* You are now ").removesuffix(".")
        if line.startswith("* Goodbye, "):
            self._is_leaving = True
        with self._send_lock:
            self.hear(line)
