"""A copy of the count is added to, and written back later.

fails: 99.3
"""

import threading


class Names:
    def __init__(self):
        self._lock = threading.Lock()
        self._names = {}
        self.claims = 0

    def claim(self, name):
        before = self.claims
        with self._lock:
            if name in self._names:
                self.claims = before + 1
                return False
            self._names[name] = True
        self.claims = before + 1
        return True

    def release(self, name):
        with self._lock:
            return self._names.pop(name, None) is not None

    def all(self):
        with self._lock:
            return sorted(self._names)

    def state(self):
        return [sorted(self._names), self.claims]
