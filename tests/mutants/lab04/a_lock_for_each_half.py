"""The lock is given back between the look and the rest.

fails: 4.4 4.5
hint 4.4: Read the order from top to bottom: who had looked
"""


class Room:
    def join(self, name, outbox):
        with self._lock:
            is_taken = name_key(name) in self._members
            others = some_of(self._names_locked())
        if is_taken:
            return False
        with self._lock:
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
        return True
