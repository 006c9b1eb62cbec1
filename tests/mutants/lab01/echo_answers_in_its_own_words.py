"""The echo puts a word of its own before what came.

fails: 1.6
hint 1.6: `recv` returns the bytes that came, as soon as
"""


def echo(connection):
    with connection:
        while chunk := connection.recv(RECV_BYTES):
            connection.sendall(b"You said: " + chunk)
