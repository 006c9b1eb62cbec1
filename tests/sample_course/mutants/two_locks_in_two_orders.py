"""Two locks, taken in two orders.

fails: 99.4
"""

import threading


class Names:
    def __init__(self):
        self._names_lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._names = {}
        self.claims = 0

    def claim(self, name):
        with self._count_lock:
            self.claims += 1
            with self._names_lock:
                if name in self._names:
                    return False
                self._names[name] = True
                return True

    def release(self, name):
        with self._names_lock:
            return self._names.pop(name, None) is not None

    def all(self):
        with self._names_lock:
            with self._count_lock:
                return sorted(self._names)

    def state(self):
        return [sorted(self._names), self.claims]
