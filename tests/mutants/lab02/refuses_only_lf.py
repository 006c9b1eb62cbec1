"""A CR in the text passes.

fails: 2.15
hint 2.15: What would bob read of 'hi\ncarla: I owe bob
"""


def encode_line(text):
    if "\n" in text:
        raise ValueError("a line has no line break in it")
    return text.encode("utf-8") + b"\n"
