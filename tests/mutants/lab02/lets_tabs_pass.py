"""A tab passes; it is a control character, too.

fails: 2.13
hint 2.13: What is refused is all that `ord` puts below
"""


def decode_line(line):
    text = line.decode("utf-8")
    for character in text:
        if (ord(character) < 32 and character != "\t") or 127 <= ord(character) <= 159:
            raise ValueError(f"U+{ord(character):04X} is a control character")
    return text
