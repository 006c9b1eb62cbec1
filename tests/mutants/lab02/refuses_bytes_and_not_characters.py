"""Control characters are looked for among the bytes, where parts of letters look like them.

fails: 2.12
hint 2.12: Make text of the bytes first, then look at
"""


def decode_line(line):
    for byte in line:
        if byte < 32 or 127 <= byte <= 159:
            raise ValueError("a control character")
    return line.decode("utf-8")
