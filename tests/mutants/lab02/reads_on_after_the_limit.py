"""After a line over the limit it goes on to wait for more.

fails: 2.19
hint 2.19: Your LineReader notices a line that is too long,
"""


def read_lines(connection):
    reader = LineReader()
    while chunk := connection.recv(RECV_BYTES):
        for line in reader.feed(chunk):
            yield decode_line(line)
