"""The set of names is never changed, only replaced, under a lock; readers need none.
"""

import threading


class Names:
    def __init__(self):
        self._change_lock = threading.RLock()
        self._names = frozenset()
        self.claims = 0

    def claim(self, name):
        with self._change_lock:
            self.claims += 1
            if name in self._names:
                return False
            self._names = self._names | {name}
            return True

    def release(self, name):
        with self._change_lock:
            if name not in self._names:
                return False
            self._names = self._names - {name}
            return True

    def all(self):
        return sorted(self._names)

    def state(self):
        return [sorted(self._names), self.claims]
