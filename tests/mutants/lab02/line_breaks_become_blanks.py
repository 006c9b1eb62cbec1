"""Line breaks are replaced, and not refused.

fails: 2.15
hint 2.15: What would bob read of 'hi\ncarla: I owe bob
"""


def encode_line(text):
    return text.replace("\r", " ").replace("\n", " ").encode("utf-8") + b"\n"
