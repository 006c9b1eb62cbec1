"""The echo takes blanks and line ends away.

fails: 1.9
hint 1.9: What do you do to the bytes between recv
"""


def echo(connection):
    with connection:
        while chunk := connection.recv(RECV_BYTES):
            connection.sendall(chunk.strip())
