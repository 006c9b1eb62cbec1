"""A room has to be given a name.

fails: 4.1
hint 4.1: Python calls __init__(self), with nothing else
"""


import threading


class Room:
    def __init__(self, title):
        self.title = title
        self._lock = threading.Lock()
        self._members = {}
