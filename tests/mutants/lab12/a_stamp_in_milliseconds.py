"""The stamp is in milliseconds.

fails: 12.6
hint 12.6: Print one line for the
"""


def stamped(moment, line_bytes):
    stamp = b"%0*d" % (STAMP_DIGITS, round(moment * 1e3))
    return stamp.ljust(line_bytes - 1, b".") + b"\n"
