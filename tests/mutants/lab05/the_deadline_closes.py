"""close in another thread does not wake who waits in recv.

fails: 5.19
hint 5.19: The time counts from the question to the
"""


class ChatServer:
    def give_up(self, guest):
        guest.outbox.put(TOO_LATE)
        try:
            guest.connection.close()
        except OSError:
            pass  # gone already
