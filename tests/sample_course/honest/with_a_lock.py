"""One lock, by `with`.
"""

import threading


class Names:
    def __init__(self):
        self._lock = threading.Lock()
        self._names = {}
        self.claims = 0

    def claim(self, name):
        with self._lock:
            self.claims += 1
            return self._names.setdefault(name, self.claims) == self.claims

    def release(self, name):
        with self._lock:
            return self._names.pop(name, None) is not None

    def all(self):
        with self._lock:
            return sorted(self._names)

    def state(self):
        return [sorted(self._names), self.claims]
