"""The guest is told that it is too late, and may go on.

fails: 5.19
hint 5.19: The time counts from the question to the
"""


class ChatServer:
    def give_up(self, guest):
        guest.outbox.put(TOO_LATE)
