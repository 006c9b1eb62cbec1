"""isprintable() refuses more than control characters: a no-break space, too.

fails: 2.13
hint 2.13: What is refused is all that `ord` puts below
"""


def decode_line(line):
    text = line.decode("utf-8")
    if not text.isprintable():
        raise ValueError("a control character")
    return text
