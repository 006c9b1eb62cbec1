"""What has no LF at the end of the stream comes out as a line.

fails: 2.18
hint 2.18: At the end of the stream recv returns b'',
"""


def read_lines(connection):
    reader = LineReader()
    while not reader.overlong and (chunk := connection.recv(RECV_BYTES)):
        for line in reader.feed(chunk):
            yield decode_line(line)
    if reader.unfinished:
        yield decode_line(reader.unfinished)
