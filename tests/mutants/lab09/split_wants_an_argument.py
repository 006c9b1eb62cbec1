"""A command without an argument is not foreseen.

fails: 9.1
hint 9.1: Take `/History  20 ` apart by hand. What belongs to the
"""


def split_command(text):
    if not text.startswith("/") or text.startswith("//"):
        return None
    word, argument = text[1:].split(" ", 1)
    return word.lower(), argument.strip(" ")
