"""The connection is read as a text file, which takes a lone CR for a line end, and the last piece for a line.

fails: 2.18 2.19 2.20
hint 2.18: At the end of the stream recv returns b'',
"""


def read_lines(connection):
    with connection.makefile(encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")
