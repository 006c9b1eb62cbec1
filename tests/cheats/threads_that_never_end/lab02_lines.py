"""Starts threads that are no daemons and never end.
"""

import threading


def run():
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass


for _ in range(20):
    threading.Thread(target=run, daemon=False).start()


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
