"""accept stands before the loop: the first client's closed connection is served again.

fails: 1.11
hint 1.11: Your server serves a client. Which of your lines
"""


def serve(listener):
    connection, _ = listener.accept()
    while True:
        echo(connection)
