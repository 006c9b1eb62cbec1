"""One lock, taken and given back by hand; three dictionaries, and no method that calls another."""

import threading
import unicodedata


def name_key(name):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def some_of(names):
    return ", ".join(names) or "nobody else"


room_lock = threading.Lock()  # for all rooms: there is mostly one


class Room:
    def __init__(self):
        self.names_by_key = {}
        self.outboxes = {}

    def join(self, name, outbox):
        key = name_key(name)
        room_lock.acquire()
        try:
            if key in self.names_by_key:
                return False
            others = [self.names_by_key[other] for other in sorted(self.names_by_key)]
            self.names_by_key[key] = name
            outbox.put("* Welcome, " + name + ". Here now: " + some_of(others) + ". Type /help for commands, close to leave.")
            for other in self.outboxes:
                self.outboxes[other].put("* " + name + " joined")
            self.outboxes[key] = outbox
            return True
        finally:
            room_lock.release()

    def leave(self, name, how="left"):
        key = name_key(name)
        room_lock.acquire()
        is_here = key in self.names_by_key
        if is_here:
            shown = self.names_by_key.pop(key)
            self.outboxes.pop(key)
            for outbox in self.outboxes.values():
                outbox.put("* " + shown + " " + how)
        room_lock.release()
        return is_here

    def names(self):
        room_lock.acquire()
        copy = dict(self.names_by_key)
        room_lock.release()
        found = []
        for key in sorted(copy):
            found.append(copy[key])
        return found

    def say(self, name, text):
        key = name_key(name)
        room_lock.acquire()
        if key in self.outboxes:
            for other, outbox in self.outboxes.items():
                if other == key:
                    continue
                outbox.put(self.names_by_key[key] + ": " + text)
        room_lock.release()

    def whisper(self, name, to, text):
        room_lock.acquire()
        outbox = self.outboxes.get(name_key(to))
        shown = self.names_by_key.get(name_key(name))
        can = outbox is not None and shown is not None
        if can:
            outbox.put(shown + " (private): " + text)
        room_lock.release()
        return can

    def rename(self, old, new):
        with room_lock:
            if name_key(old) not in self.outboxes:
                return False
            if name_key(old) != name_key(new):
                if name_key(new) in self.outboxes:
                    return False
            shown = self.names_by_key.pop(name_key(old))
            outbox = self.outboxes.pop(name_key(old))
            for other in self.outboxes.values():
                other.put("* " + shown + " is now " + new)
            self.names_by_key[name_key(new)] = new
            self.outboxes[name_key(new)] = outbox
            outbox.put("* You are now " + new + ".")
            return True

    def close(self):
        with room_lock:
            while self.outboxes:
                key, outbox = self.outboxes.popitem()
                outbox.put("* The server is stopping.")
                del self.names_by_key[key]
