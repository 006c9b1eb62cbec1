"""Chunks are decoded, and a chunk can end in the middle of a letter.

fails: 2.17
hint 2.17: ñ is two bytes, and a chunk can end
"""


def read_lines(connection):
    reader = LineReader()
    while not reader.overlong and (chunk := connection.recv(RECV_BYTES)):
        text = chunk.decode("utf-8")
        for line in reader.feed(text.encode("utf-8")):
            yield decode_line(line)
