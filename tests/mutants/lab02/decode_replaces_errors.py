"""Bytes that are no UTF-8 become question marks.

fails: 2.12
hint 2.12: Make text of the bytes first, then look at
"""


def decode_line(line):
    text = line.decode("utf-8", errors="replace")
    for character in text:
        if ord(character) < 32 or 127 <= ord(character) <= 159:
            raise ValueError(f"U+{ord(character):04X} is a control character")
    return text
