"""The dictionary is walked while others change it.

fails: 99.4
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
            if name in self._names:
                return False
            self._names[name] = True
            return True

    def release(self, name):
        with self._lock:
            return self._names.pop(name, None) is not None

    def all(self):
        found = []
        for name in self._names:
            found.append(name)
        return sorted(found)

    def state(self):
        return [sorted(self._names), self.claims]
