"""The members stand in the class, so that all rooms share them.

fails: 4.2
hint 4.2: Three things happen when ana joins
"""


import threading


class Room:
    _members = {}

    def __init__(self):
        self._lock = threading.Lock()
