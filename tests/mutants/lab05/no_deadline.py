"""Who says no name stays for ever.

fails: 5.19
hint 5.19: The time counts from the question to the
"""


class ChatServer:
    def give_up(self, guest):
        pass
