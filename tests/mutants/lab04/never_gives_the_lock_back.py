"""Whoever is refused keeps the lock for ever.

fails: 4.3
hint 4.3: What do two spellings of one name have in common
"""


class Room:
    def join(self, name, outbox):
        self._lock.acquire()
        if name_key(name) in self._members:
            return False
        others = some_of(self._names_locked())
        outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
        self._tell_locked(f"* {name} joined")
        self._members[name_key(name)] = (name, outbox)
        self._lock.release()
        return True
