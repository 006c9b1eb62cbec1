"""One thread owns the members; all others send it their questions and wait for the answers."""

import queue
import threading
import unicodedata


def name_key(name):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def some_of(names):
    return ", ".join(names) or "nobody else"


class Room:
    def __init__(self):
        self.members = {}
        self.questions = queue.Queue()
        threading.Thread(target=self.own, daemon=True).start()

    def own(self):
        while True:
            method, arguments, answer = self.questions.get()
            answer.put(method(*arguments))

    def ask(self, method, *arguments):
        answer = queue.SimpleQueue()
        self.questions.put((method, arguments, answer))
        return answer.get()

    def tell(self, line, *but):
        for member in self.members.values():
            if member not in but:
                member["outbox"].put(line)

    def list(self):
        return [self.members[key]["name"] for key in sorted(self.members)]

    def take(self, name, outbox):
        key = name_key(name)
        if key in self.members:
            return False
        outbox.put(f"* Welcome, {name}. Here now: {some_of(self.list())}. Type /help for commands, close to leave.")
        self.members[key] = {"name": name, "outbox": outbox}
        self.tell(f"* {name} joined", self.members[key])
        return True

    def give_back(self, name, how):
        member = self.members.pop(name_key(name), None)
        if member:
            self.tell(f"* {member['name']} {how}")
        return member is not None

    def pass_on(self, name, text):
        if member := self.members.get(name_key(name)):
            self.tell(f"{member['name']}: {text}", member)

    def pass_to_one(self, name, to, text):
        one, other = self.members.get(name_key(name)), self.members.get(name_key(to))
        if one and other:
            other["outbox"].put(f"{one['name']} (private): {text}")
            return True
        return False

    def change(self, old, new):
        member = self.members.get(name_key(old))
        if member is None or self.members.get(name_key(new), member) is not member:
            return False
        del self.members[name_key(old)]
        self.members[name_key(new)] = member
        self.tell(f"* {member['name']} is now {new}", member)
        member["name"] = new
        member["outbox"].put(f"* You are now {new}.")
        return True

    def end(self):
        self.tell("* The server is stopping.")
        self.members = {}

    def join(self, name, outbox):
        return self.ask(self.take, name, outbox)

    def leave(self, name, how="left"):
        return self.ask(self.give_back, name, how)

    def names(self):
        return self.ask(self.list)

    def say(self, name, text):
        return self.ask(self.pass_on, name, text)

    def whisper(self, name, to, text):
        return self.ask(self.pass_to_one, name, to, text)

    def rename(self, old, new):
        return self.ask(self.change, old, new)

    def close(self):
        return self.ask(self.end)
