"""Nobody locks anything.

fails: 99.2 99.3 99.4
"""

import threading


class Names:
    def __init__(self):
        self._names = {}
        self.claims = 0

    def claim(self, name):
        self.claims += 1
        if name in self._names:
            return False
        self._names[name] = True
        return True

    def release(self, name):
        return self._names.pop(name, None) is not None

    def all(self):
        return sorted([name for name in self._names])

    def state(self):
        return [sorted(self._names), self.claims]
