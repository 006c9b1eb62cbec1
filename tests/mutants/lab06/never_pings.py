"""The ping is left for later.

fails: 6.11
hint 6.11: What does `ping` do
"""


class ChatClient:
    def ping(self):
        pass
