"""Control characters are not looked for.

fails: 2.13
hint 2.13: What is refused is all that `ord` puts below
"""


def decode_line(line):
    return line.decode("utf-8")
