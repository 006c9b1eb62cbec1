"""names() hands out a live view of the dictionary.

fails: 4.8
hint 4.8: A list of names, as they are shown
"""


class Room:
    def names(self):
        with self._lock:
            return dict(sorted((shown, outbox) for shown, outbox in self._members.values())).keys()
