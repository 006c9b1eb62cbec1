"""read_lines() returns the lines of the first chunk, and that was all.

fails: 2.16
hint 2.16: Each line is to come out, as text, as
"""


def read_lines(connection):
    reader = LineReader()
    return [decode_line(line) for line in reader.feed(connection.recv(RECV_BYTES))]
