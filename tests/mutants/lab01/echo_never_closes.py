"""The echo returns at the end of the stream, and leaves the connection open.

fails: 1.8
hint 1.8: At the end of the stream `recv` returns b'',
"""


def echo(connection):
    while chunk := connection.recv(RECV_BYTES):
        connection.sendall(chunk)
