"""The echo reads to the end of the stream before it sends the first byte back.

fails: 1.6
hint 1.6: `recv` returns the bytes that came, as soon as
"""


def echo(connection):
    with connection:
        everything = b""
        while chunk := connection.recv(RECV_BYTES):
            everything += chunk
        connection.sendall(everything)
