"""A small moment has a short stamp.

fails: 12.6
hint 12.6: Print one line for the
"""


def stamped(moment, line_bytes):
    stamp = b"%d" % round(moment * 1e9)
    return stamp.ljust(line_bytes - 1, b".") + b"\n"
