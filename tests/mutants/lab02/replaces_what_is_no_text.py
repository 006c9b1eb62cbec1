"""read_lines() decodes by itself, with question marks for what is no text.

fails: 2.20
hint 2.20: What does whoever reads the lines learn of one
"""


def read_lines(connection):
    reader = LineReader()
    while not reader.overlong and (chunk := connection.recv(RECV_BYTES)):
        for line in reader.feed(chunk):
            yield line.decode("utf-8", errors="replace")
