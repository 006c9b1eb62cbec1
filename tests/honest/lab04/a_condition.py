"""A Condition in place of a lock, and a ticket for each call: whoever draws the next number is served next."""

import threading
import unicodedata
from contextlib import contextmanager


def name_key(name):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def some_of(names):
    return ", ".join(names) or "nobody else"


class Member:
    def __init__(self, name, outbox):
        self.name = name
        self.outbox = outbox


class Room:
    def __init__(self):
        self._turns = threading.Condition()
        self._drawn = 0
        self._served = 0
        self._members = {}

    @contextmanager
    def _turn(self):
        with self._turns:
            ticket = self._drawn
            self._drawn += 1
            self._turns.wait_for(lambda: self._served == ticket)
        try:
            yield self._members
        finally:
            with self._turns:
                self._served += 1
                self._turns.notify_all()

    def join(self, name, outbox):
        with self._turn() as members:
            if name_key(name) in members:
                return False
            others = some_of(self._sorted(members))
            outbox.put(f"* Welcome, {name}. Here now: {others}. Type /help for commands, close to leave.")
            for member in members.values():
                member.outbox.put(f"* {name} joined")
            members[name_key(name)] = Member(name, outbox)
            return True

    def leave(self, name, how="left"):
        with self._turn() as members:
            try:
                gone = members.pop(name_key(name))
            except KeyError:
                return False
            for member in members.values():
                member.outbox.put(f"* {gone.name} {how}")
            return True

    def _sorted(self, members):
        return [member.name for _, member in sorted(members.items())]

    def names(self):
        with self._turn() as members:
            return self._sorted(members)

    def say(self, name, text):
        with self._turn() as members:
            speaker = members.get(name_key(name))
            for member in members.values():
                if speaker and member is not speaker:
                    member.outbox.put(f"{speaker.name}: {text}")

    def whisper(self, name, to, text):
        with self._turn() as members:
            if {name_key(name), name_key(to)} <= members.keys():
                members[name_key(to)].outbox.put(f"{members[name_key(name)].name} (private): {text}")
                return True
            return False

    def rename(self, old, new):
        with self._turn() as members:
            if name_key(old) not in members or (name_key(new) in members and name_key(new) != name_key(old)):
                return False
            renamed = members.pop(name_key(old))
            for member in members.values():
                member.outbox.put(f"* {renamed.name} is now {new}")
            renamed.name = new
            renamed.outbox.put(f"* You are now {new}.")
            members[name_key(new)] = renamed
            return True

    def close(self):
        with self._turn() as members:
            for member in members.values():
                member.outbox.put("* The server is stopping.")
            members.clear()
