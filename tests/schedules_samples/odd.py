"""Code that goes wrong in other ways than a race."""

import random
import threading
import time
from queue import Queue

GLOBAL_LOCK = threading.Lock()
LOCKS = {"hidden": threading.Lock()}


class Odd:
    class_lock = threading.RLock()

    def __init__(self):
        self.lock = threading.Lock()
        self.seen = []
        self.inbox = Queue()

    def twice(self):
        self.lock.acquire()
        self.lock.acquire()

    def keep(self):
        GLOBAL_LOCK.acquire()
        self.seen.append("kept")

    def for_ever(self):
        while True:
            pass

    def wait_outside(self):
        with LOCKS["hidden"]:
            pass

    def fail(self):
        raise LookupError(f"no {self}")

    def join_for_ever(self):
        thread = threading.Thread(target=self.inbox.get, name="helper")
        thread.start()
        thread.join()

    def log_in_class(self, name):
        with Odd.class_lock:
            self.seen.append(name)
            self.seen.append(name)

    def roll(self):
        return random.random()

    def nap(self, seconds):
        start = time.monotonic()
        time.sleep(seconds)
        return time.monotonic() - start >= seconds

    def try_for(self, seconds):
        return self.lock.acquire(timeout=seconds)

    def hold(self):
        self.lock.acquire()

    def give_back_twice(self):
        with self.lock:
            self.lock.release()

    def start_twice(self):
        thread = threading.Thread(target=self.hold)
        thread.start()
        thread.start()

    def use_hidden_names(self):
        return type(threading.Lock()).__module__
