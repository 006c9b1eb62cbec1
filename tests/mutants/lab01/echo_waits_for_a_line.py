"""The echo collects until a line end comes, and only then answers.

fails: 1.6
hint 1.6: `recv` returns the bytes that came, as soon as
"""


def echo(connection):
    with connection:
        line = b""
        while not line.endswith(b"\n"):
            chunk = connection.recv(RECV_BYTES)
            if not chunk:
                return
            line += chunk
        connection.sendall(line)
