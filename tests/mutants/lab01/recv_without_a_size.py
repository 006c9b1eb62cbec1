"""`recv` is called without saying how many bytes it may return.

fails: 1.6
hint 1.6: `recv` returns the bytes that came, as soon as
"""


def echo(connection):
    with connection:
        while chunk := connection.recv():
            connection.sendall(chunk)
