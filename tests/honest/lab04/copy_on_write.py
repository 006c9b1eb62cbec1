"""The members are never changed, only replaced: names() needs no lock. One lock gives all changes and lines their order."""

import threading
import unicodedata


def name_key(name):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def some_of(names):
    return ", ".join(names) or "nobody else"


class Room:
    def __init__(self):
        self._order_lock = threading.Lock()
        self._members = ()  # of (key, name, outbox), sorted

    def _find(self, name):
        return next((member for member in self._members if member[0] == name_key(name)), None)

    def _put(self, line, members):
        for _, _, outbox in members:
            outbox.put(line)

    def join(self, name, outbox):
        with self._order_lock:
            if self._find(name):
                return False
            before = self._members
            others = some_of([shown for _, shown, _ in before])
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            self._members = tuple(sorted([*before, (name_key(name), name, outbox)], key=lambda member: member[0]))
            self._put(f"* {name} joined", before)
        return True

    def leave(self, name, how="left"):
        with self._order_lock:
            gone = self._find(name)
            if gone:
                self._members = tuple(member for member in self._members if member is not gone)
                self._put(f"* {gone[1]} {how}", self._members)
        return bool(gone)

    def names(self):
        return [name for _, name, _ in self._members]

    def say(self, name, text):
        with self._order_lock:
            if speaker := self._find(name):
                self._put(f"{speaker[1]}: {text}", [member for member in self._members if member is not speaker])

    def whisper(self, name, to, text):
        with self._order_lock:
            speaker, hearer = self._find(name), self._find(to)
            if speaker and hearer:
                self._put(f"{speaker[1]} (private): {text}", [hearer])
        return bool(speaker and hearer)

    def rename(self, old, new):
        with self._order_lock:
            member, other = self._find(old), self._find(new)
            if not member or (other and other is not member):
                return False
            rest = tuple(one for one in self._members if one is not member)
            self._members = tuple(sorted([*rest, (name_key(new), new, member[2])], key=lambda one: one[0]))
            self._put(f"* You are now {new}.", [member])
            self._put(f"* {member[1]} is now {new}", rest)
            return True

    def close(self):
        with self._order_lock:
            before, self._members = self._members, ()
            self._put("* The server is stopping.", before)
