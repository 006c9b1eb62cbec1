"""The echo calls `send` and does not look at how many bytes it took.

fails: 1.10
hint 1.10: When the other end reads slowly, `send` takes only
"""


def echo(connection):
    with connection:
        while chunk := connection.recv(RECV_BYTES):
            connection.send(chunk)
