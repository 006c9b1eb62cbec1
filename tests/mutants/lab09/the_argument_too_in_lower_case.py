"""The whole line is put in lower case, and not the word alone.

fails: 9.1
hint 9.1: Take `/History  20 ` apart by hand. What belongs to the
"""


def split_command(text):
    if not text.startswith("/") or text.startswith("//"):
        return None
    word, _, argument = text[1:].lower().partition(" ")
    return word, argument.strip(" ")
