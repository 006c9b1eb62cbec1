"""The count is added to outside of the lock.

fails: 99.3
"""

import threading


class Names:
    def __init__(self):
        self._lock = threading.Lock()
        self._names = {}
        self.claims = 0

    def claim(self, name):
        self.claims += 1
        with self._lock:
            if name in self._names:
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
