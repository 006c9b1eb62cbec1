"""The server accepts one client, and returns when that one has gone.

fails: 1.11
hint 1.11: Your server serves a client. Which of your lines
"""


def serve(listener):
    connection, _ = listener.accept()
    echo(connection)
