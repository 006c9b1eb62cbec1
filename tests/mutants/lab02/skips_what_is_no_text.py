"""A line that is no text is passed over, and nobody hears of it.

fails: 2.20
hint 2.20: What does whoever reads the lines learn of one
"""


def read_lines(connection):
    reader = LineReader()
    while not reader.overlong and (chunk := connection.recv(RECV_BYTES)):
        for line in reader.feed(chunk):
            try:
                yield decode_line(line)
            except ValueError:
                continue
