"""The line goes out without its LF.

fails: 2.14
hint 2.14: The other end reads bytes, and takes a line
"""


def encode_line(text):
    if "\n" in text or "\r" in text:
        raise ValueError("a line has no line break in it")
    return text.encode("utf-8")
