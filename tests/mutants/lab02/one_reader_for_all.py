"""One reader stands outside of the function, for all connections.

fails: 2.21
hint 2.21: Two connections at a time: where does each keep
"""


the_reader = None


def read_lines(connection):
    global the_reader
    if the_reader is None:
        the_reader = LineReader()
    while not the_reader.overlong and (chunk := connection.recv(RECV_BYTES)):
        for line in the_reader.feed(chunk):
            yield decode_line(line)
