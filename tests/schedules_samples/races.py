"""Code as students write it, each with one race."""

import threading
import time
from threading import Lock


class Room:
    def __init__(self):
        self.names = {}
        self.count = 0
        self.said = []
        self.lock = Lock()
        self.other = threading.RLock()
        self.arrived = threading.Condition()
        self.is_here = False

    def add(self, name, who):
        if name not in self.names:
            self.names[name] = who
            return True
        return False

    def add_on_one_line(self, name, who):
        if name not in self.names: self.names[name] = who; return True  # noqa: E701, E702
        return False

    def up(self):
        self.count += 1

    def put(self, name):
        self.names[name] = 1

    def walk(self):
        found = []
        for name in self.names:
            found.append(name)
        return found

    def pay(self, amount):
        balance = self.count
        balance = balance + amount
        self.count = balance

    def one_then_other(self):
        with self.lock:
            with self.other:
                self.count = 1

    def other_then_one(self):
        with self.other:
            with self.lock:
                self.count = 2

    def leave(self, name):
        if name in self.names:
            self.said.append(f"{name} left")
            self.names.pop(name, None)

    def add_locking_the_check(self, name, who):
        with self.lock:
            is_free = name not in self.names
        if is_free:
            self.names[name] = who
        return is_free

    def wait_without_looking(self):
        with self.arrived:
            self.arrived.wait()

    def wait_having_looked_before(self):
        if not self.is_here:
            with self.arrived:
                self.arrived.wait()

    def arrive(self):
        with self.arrived:
            self.is_here = True
            self.arrived.notify_all()


visitors = 0


def visit():
    global visitors
    visitors += 1


def reset():
    global visitors
    visitors = 0


class Late(Room):
    def sleep_then_look(self):
        threading.Event().wait(0)
        time.sleep(0.5)
        return self.is_here
