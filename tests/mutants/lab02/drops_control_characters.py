"""Control characters are left out, and not refused.

fails: 2.13
hint 2.13: What is refused is all that `ord` puts below
"""


def decode_line(line):
    text = line.decode("utf-8")
    return "".join(character for character in text if ord(character) >= 32 and not 127 <= ord(character) <= 159)
