"""join() looks whether the name is free, and takes the lock only then.

fails: 4.4
hint 4.4: Read the order from top to bottom: who had looked
"""


class Room:
    def join(self, name, outbox):
        if name_key(name) in self._members:
            return False
        with self._lock:
            others = some_of(self._names_locked())
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
            return True
