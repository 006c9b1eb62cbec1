"""The newcomer is kept first, and reads her own name among those of the others.

fails: 4.2
hint 4.2: Three things happen when ana joins
"""


class Room:
    def join(self, name, outbox):
        with self._lock:
            if name_key(name) in self._members:
                return False
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
            others = some_of(self._names_locked())
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            return True
