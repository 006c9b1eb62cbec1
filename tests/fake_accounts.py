"""Accounts for tests, in a dictionary: they answer when they are told to, or at once in a thread of their own."""

from __future__ import annotations

import queue
import threading

from chatlab.protocol import name_key
from chatlab.room import AccountAnswer, Ban, LookUp, Register, SetPassword, Unban, Unregister, Verify


class FakeAccounts:
    """What a model of accounts must know. `passwords` and `bans` are by name_key; a ban is its minutes, or None."""

    def __init__(self, operators=(), **passwords: str) -> None:
        self.passwords = {name_key(name): password for name, password in passwords.items()}
        self.operators = set(map(name_key, operators))
        self.bans: dict[str, int | None] = {}
        self.trouble = ""

    def answer(self, request) -> AccountAnswer:
        """Do what is asked."""
        key = name_key(request.name)
        has_account = key in self.passwords
        if self.trouble and not isinstance(request, LookUp):
            return AccountAnswer(trouble=self.trouble)
        about = {"is_banned": key in self.bans, "banned_minutes": self.bans.get(key)}
        match request:
            case LookUp():
                return AccountAnswer(True, has_account, key in self.operators, **about)
            case Verify(_, password):
                is_right = has_account and self.passwords[key] == password
                return AccountAnswer(is_right, is_operator=is_right and key in self.operators, **about)
            case Register(_, password) if not has_account:
                self.passwords[key] = password
                return AccountAnswer(True)
            case SetPassword(_, password) if has_account:
                self.passwords[key] = password
                return AccountAnswer(True)
            case Unregister() if has_account:
                del self.passwords[key]
                self.operators.discard(key)
                return AccountAnswer(True)
            case Ban(_, minutes):
                self.bans[key] = minutes
                return AccountAnswer(True)
            case Unban() if key in self.bans:
                del self.bans[key]
                return AccountAnswer(True)
        return AccountAnswer(False)


class ThreadedAccounts(FakeAccounts):
    """Answers in a thread of its own, as those on disk do; not while `free` is cleared."""

    def __init__(self, operators=(), **passwords: str) -> None:
        super().__init__(operators, **passwords)
        self.asked: list = []  # all requests, for a test to look at
        self.free = threading.Event()
        self.free.set()
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._answer_all, name="fake-accounts", daemon=True)

    def ask(self, request, then, *, host: str = "") -> None:
        self.asked.append(request)
        self._waiting.put((request, then))

    def __enter__(self) -> ThreadedAccounts:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.free.set()
        self._waiting.put(None)
        self._thread.join()

    def _answer_all(self) -> None:
        while (job := self._waiting.get()) is not None:
            self.free.wait()
            request, then = job
            then(self.answer(request))
