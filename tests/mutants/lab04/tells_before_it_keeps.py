"""The others are told under the lock, and the newcomer is kept under it again a moment later.

fails: 4.4 4.5
hint 4.4: Read the order from top to bottom: who had looked
"""


class Room:
    def join(self, name, outbox):
        with self._lock:
            if name_key(name) in self._members:
                return False
            others = some_of(self._names_locked())
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._tell_locked(f"* {name} joined")
        with self._lock:
            self._members[name_key(name)] = (name, outbox)
        return True
