"""The welcome is put when the lock has been given back.

fails: 4.5
hint 4.5: ana and bob come at one moment
"""


class Room:
    def join(self, name, outbox):
        with self._lock:
            if name_key(name) in self._members:
                return False
            others = some_of(self._names_locked())
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
        outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
        return True
