"""The connection ends without a word.

fails: 5.19
hint 5.19: The time counts from the question to the
"""


class ChatServer:
    def give_up(self, guest):
        try:
            guest.connection.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # gone already
