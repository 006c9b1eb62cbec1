"""The echo shows the bytes on its own screen, and sends none back.

fails: 1.6
hint 1.6: `recv` returns the bytes that came, as soon as
"""


def echo(connection):
    with connection:
        while chunk := connection.recv(RECV_BYTES):
            print("echo:", chunk)
