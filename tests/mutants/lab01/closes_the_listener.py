"""After the first client the server closes its listener.

fails: 1.11
hint 1.11: Your server serves a client. Which of your lines
"""


def serve(listener):
    while True:
        connection, _ = listener.accept()
        echo(connection)
        listener.close()
