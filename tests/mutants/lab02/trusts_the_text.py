"""The text is not looked at: a line break makes two lines of it.

fails: 2.15
hint 2.15: What would bob read of 'hi\ncarla: I owe bob
"""


def encode_line(text):
    return text.encode("utf-8") + b"\n"
