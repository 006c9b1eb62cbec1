"""accept returns a pair, which goes to echo as it is.

fails: 1.11
hint 1.11: Your server serves a client. Which of your lines
"""


def echo(connection):
    while chunk := connection.recv(RECV_BYTES):
        connection.sendall(chunk)
    connection.close()


def serve(listener):
    while True:
        connection = listener.accept()
        echo(connection)
