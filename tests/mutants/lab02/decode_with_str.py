"""str() of bytes gives the text b'...', with the b and the quotes.

fails: 2.12
hint 2.12: Make text of the bytes first, then look at
"""


def decode_line(line):
    text = str(line)
    for character in text:
        if ord(character) < 32 or 127 <= ord(character) <= 159:
            raise ValueError(f"U+{ord(character):04X} is a control character")
    return text
