"""The letter case of the word is kept.

fails: 9.1
hint 9.1: Take `/History  20 ` apart by hand. What belongs to the
"""


def split_command(text):
    if not text.startswith("/") or text.startswith("//"):
        return None
    word, _, argument = text[1:].partition(" ")
    return word, argument.strip(" ")
