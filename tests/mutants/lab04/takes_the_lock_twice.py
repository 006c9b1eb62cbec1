"""join() holds the lock and calls names(), which takes it once more.

fails: 4.2
hint 4.2: Three things happen when ana joins
"""


class Room:
    def join(self, name, outbox):
        with self._lock:
            if name_key(name) in self._members:
                return False
            others = some_of(self.names())
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
            return True
