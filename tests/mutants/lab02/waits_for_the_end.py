"""All lines come out when the stream has ended, and not before.

fails: 2.16
hint 2.16: Each line is to come out, as text, as
"""


def read_lines(connection):
    reader = LineReader()
    lines = []
    while chunk := connection.recv(RECV_BYTES):
        lines += reader.feed(chunk)
    for line in lines:
        yield decode_line(line)
