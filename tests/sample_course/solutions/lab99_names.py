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
        ### BEGIN SOLUTION 99.1: take a name
        with self._lock:
            self.claims += 1
            if name in self._names:
                return False
            self._names[name] = self.claims
            return True
        ### END SOLUTION

    def release(self, name):
        """Give a name back; return whether it was taken."""
        ### BEGIN SOLUTION 99.1: give a name back
        with self._lock:
            return self._names.pop(name, None) is not None
        ### END SOLUTION

    def all(self):
        """Return the names that are taken, sorted."""
        ### BEGIN SOLUTION 99.4: all names
        with self._lock:
            return sorted(self._names)
        ### END SOLUTION

    def state(self):
        """Return the names and how many claims there were."""
        return [sorted(self._names), self.claims]
