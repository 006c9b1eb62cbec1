"""Nobody locks anything.

fails: 4.4 4.5 4.9 4.11
hint 4.4: Read the order from top to bottom: who had looked
"""


class Room:
    def join(self, name, outbox):
        if name_key(name) in self._members:
            return False
        others = some_of(self._names_locked())
        outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
        self._tell_locked(f"* {name} joined")
        self._members[name_key(name)] = (name, outbox)
        return True

    def leave(self, name, how="left"):
        member = self._members.pop(name_key(name), None)
        if member is None:
            return False
        shown, _ = member
        self._tell_locked(f"* {shown} {how}")
        return True

    def names(self):
        names = []
        for shown, _ in self._members.values():
            names.append(shown)
        return sorted(names, key=name_key)

    def say(self, name, text):
        if name_key(name) in self._members:
            shown, _ = self._members[name_key(name)]
            self._tell_locked(f"{shown}: {text}", but=name)
