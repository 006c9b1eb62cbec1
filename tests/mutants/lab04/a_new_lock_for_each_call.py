"""Each call makes a lock of its own, which nobody else ever waits for.

fails: 4.4 4.5 4.9 4.11
hint 4.4: Read the order from top to bottom: who had looked
"""


import threading


class Room:
    def join(self, name, outbox):
        with threading.Lock():
            if name_key(name) in self._members:
                return False
            others = some_of(self._names_locked())
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._tell_locked(f"* {name} joined")
            self._members[name_key(name)] = (name, outbox)
            return True

    def leave(self, name, how="left"):
        with threading.Lock():
            member = self._members.pop(name_key(name), None)
            if member is None:
                return False
            shown, _ = member
            self._tell_locked(f"* {shown} {how}")
            return True

    def names(self):
        with threading.Lock():
            names = []
            for shown, _ in self._members.values():
                names.append(shown)
            return sorted(names, key=name_key)

    def say(self, name, text):
        with threading.Lock():
            if name_key(name) in self._members:
                shown, _ = self._members[name_key(name)]
                self._tell_locked(f"{shown}: {text}", but=name)
