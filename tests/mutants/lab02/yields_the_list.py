"""read_lines() yields what feed returns: a list, and not line by line.

fails: 2.16
hint 2.16: Each line is to come out, as text, as
"""


def read_lines(connection):
    reader = LineReader()
    while not reader.overlong and (chunk := connection.recv(RECV_BYTES)):
        yield reader.feed(chunk)
