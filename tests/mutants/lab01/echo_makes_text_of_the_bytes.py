"""The echo decodes the bytes and encodes them again; not all bytes are text.

fails: 1.9
hint 1.9: What do you do to the bytes between recv
"""


def echo(connection):
    with connection:
        while chunk := connection.recv(RECV_BYTES):
            text = chunk.decode()
            connection.sendall(text.encode())
