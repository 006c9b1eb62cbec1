"""Each chunk gets a reader of its own, which knows nothing of the one before.

fails: 2.17 2.19
hint 2.17: ñ is two bytes, and a chunk can end
"""


def read_lines(connection):
    while chunk := connection.recv(RECV_BYTES):
        reader = LineReader()
        for line in reader.feed(chunk):
            yield decode_line(line)
