"""The newcomer is kept first, and then everyone is told, the newcomer, too.

fails: 4.2
hint 4.2: Three things happen when ana joins
"""


class Room:
    def join(self, name, outbox):
        with self._lock:
            if name_key(name) in self._members:
                return False
            others = some_of(self._names_locked())
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._members[name_key(name)] = (name, outbox)
            self._tell_locked(f"* {name} joined")
            return True
