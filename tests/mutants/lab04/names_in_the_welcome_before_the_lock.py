"""The names for the welcome are asked for before the lock is taken.

fails: 4.5
hint 4.5: ana and bob come at one moment
"""


class Room:
    def join(self, name, outbox):
        others = some_of(self.names())
        with self._lock:
            if name_key(name) in self._members:
                return False
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
            return True
