"""The names are compared as they were typed.

fails: 4.3
hint 4.3: What do two spellings of one name have in common
"""


class Room:
    def join(self, name, outbox):
        with self._lock:
            if name in [shown for shown, _ in self._members.values()]:
                return False
            others = some_of(self._names_locked())
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
            return True
