"""The lock is given back between the look and the insert.

fails: 99.2
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
            is_taken = name in self._names
        if is_taken:
            return False
        self._names[name] = True
        return True

    def release(self, name):
        with self._lock:
            return self._names.pop(name, None) is not None

    def all(self):
        with self._lock:
            return sorted(self._names)

    def state(self):
        return [sorted(self._names), self.claims]
