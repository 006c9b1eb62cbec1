"""names() sorts the names as text, with all capital letters first.

fails: 4.8
hint 4.8: A list of names, as they are shown
"""


class Room:
    def names(self):
        with self._lock:
            return sorted(shown for shown, _ in self._members.values())
