"""Lab 99: names that are given out once, however many ask at one moment."""

import threading


class Names:
    """Who holds which name, and how often a name was claimed."""

    def __init__(self):
        self._lock = threading.Lock()
        self._names = {}
        self.claims = 0

    def claim(self, name):
        """Take a name; return whether it was free."""
        raise NotImplementedError("99.1: take a name")

    def release(self, name):
        """Give a name back; return whether it was taken."""
        raise NotImplementedError("99.1: give a name back")

    def all(self):
        """Return the names that are taken, sorted."""
        raise NotImplementedError("99.4: all names")

    def state(self):
        """Return the names and how many claims there were."""
        return [sorted(self._names), self.claims]
