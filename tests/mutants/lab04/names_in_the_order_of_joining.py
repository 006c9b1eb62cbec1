"""names() does not sort.

fails: 4.8
hint 4.8: A list of names, as they are shown
"""


class Room:
    def names(self):
        with self._lock:
            return [shown for shown, _ in self._members.values()]
