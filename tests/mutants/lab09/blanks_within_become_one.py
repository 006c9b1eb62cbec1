"""The argument is cut into words and put together again, with one blank each.

fails: 9.1
hint 9.1: Take `/History  20 ` apart by hand. What belongs to the
"""


def split_command(text):
    if not text.startswith("/") or text.startswith("//"):
        return None
    word, *rest = text[1:].split(" ")
    return word.lower(), " ".join(part for part in rest if part)
