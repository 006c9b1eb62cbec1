"""A lock that its holder may take again, so that the methods can call one another; a decorator takes it."""

import functools
import threading
import unicodedata


def name_key(name):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def some_of(names):
    return ", ".join(names) or "nobody else"


def locked(method):
    @functools.wraps(method)
    def call(room, *arguments, **keywords):
        with room.lock:
            return method(room, *arguments, **keywords)

    return call


class Room:
    def __init__(self):
        self.lock = threading.RLock()
        self.shown = {}
        self.outboxes = {}

    @locked
    def is_here(self, name):
        return name_key(name) in self.outboxes

    @locked
    def broadcast(self, line, but=None):
        [box.put(line) for key, box in self.outboxes.items() if key != but]

    @locked
    def join(self, name, outbox):
        if self.is_here(name):
            return False
        welcome = f"* Welcome, {name}. Here now: {some_of(self.names())}. Type /help for commands, close to leave."
        self.broadcast(f"* {name} joined")
        outbox.put(welcome)
        self.shown[name_key(name)], self.outboxes[name_key(name)] = name, outbox
        return True

    @locked
    def leave(self, name, how="left"):
        if not self.is_here(name):
            return False
        del self.outboxes[name_key(name)]
        self.broadcast(f"* {self.shown.pop(name_key(name))} {how}")
        return True

    @locked
    def names(self):
        return sorted(self.shown.values(), key=name_key)

    @locked
    def say(self, name, text):
        if self.is_here(name):
            self.broadcast(f"{self.shown[name_key(name)]}: {text}", name_key(name))
            return True
        return False

    @locked
    def whisper(self, name, to, text):
        if not (self.is_here(name) and self.is_here(to)):
            return False
        self.outboxes[name_key(to)].put(f"{self.shown[name_key(name)]} (private): {text}")
        return True

    @locked
    def rename(self, old, new):
        before, after = name_key(old), name_key(new)
        if not self.is_here(old) or (before != after and self.is_here(new)):
            return False
        shown, outbox = self.shown.pop(before), self.outboxes.pop(before)
        self.broadcast(f"* {shown} is now {new}")
        self.shown[after], self.outboxes[after] = new, outbox
        outbox.put(f"* You are now {new}.")
        return True

    @locked
    def close(self):
        self.broadcast("* The server is stopping.")
        self.outboxes.clear()
        self.shown.clear()
