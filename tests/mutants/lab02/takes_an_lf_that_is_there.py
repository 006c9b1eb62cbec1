"""If the text ends with LF already, that one is taken for the line's.

fails: 2.15
hint 2.15: What would bob read of 'hi\ncarla: I owe bob
"""


def encode_line(text):
    if not text.endswith("\n"):
        text += "\n"
    if "\n" in text[:-1] or "\r" in text:
        raise ValueError("a line has no line break in it")
    return text.encode("utf-8")
