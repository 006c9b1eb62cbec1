"""At the end of the stream the loop goes on for ever.

fails: 2.18
hint 2.18: At the end of the stream recv returns b'',
"""


def read_lines(connection):
    reader = LineReader()
    while not reader.overlong:
        chunk = connection.recv(RECV_BYTES)
        for line in reader.feed(chunk):
            yield decode_line(line)
