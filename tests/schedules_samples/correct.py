"""Code as students write it, in many styles, and all of it right."""

import itertools
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Condition, Event, Lock, RLock, Thread
from time import sleep


class Owned:
    """One thread owns the names; the others ask it."""

    def __init__(self):
        self.names = {}
        self.inbox = queue.Queue()
        Thread(target=self.own, name="owner", daemon=True).start()

    def own(self):
        while True:
            question, answer = self.inbox.get()
            answer.put(question())

    def ask(self, question):
        answer = queue.Queue()
        self.inbox.put((question, answer))
        return answer.get()

    def add(self, name, who):
        return self.ask(lambda: self.names.setdefault(name, who) == who)

    def up(self):
        def question():
            self.names["count"] = self.names.get("count", 0) + 1

        self.ask(question)

    def count(self):
        return self.ask(lambda: self.names["count"])

    def walk(self):
        return self.ask(lambda: sorted(self.names))

    def leave(self, name):
        return self.ask(lambda: self.names.pop(name, None) is not None)


class Room:
    def __init__(self):
        self.names = {}
        self.total = 0
        self.per_thread = {}
        self.tickets = itertools.count(1)
        self.said = []
        self.members = ()
        self.is_here = False
        self.lock = Lock()
        self.other = Lock()
        self.again = RLock()
        self.slot = threading.BoundedSemaphore(1)
        self.arrived = Condition()
        self.plain_arrived = Condition(Lock())
        self.event = Event()
        self.inbox = SimpleQueue()
        self.gate = threading.Barrier(2)

    # --- Add a name once

    def add_with_lock(self, name, who):
        with self.lock:
            if name not in self.names:
                self.names[name] = who
                return True
            return False

    def add_with_setdefault(self, name, who):
        return self.names.setdefault(name, who) is who

    def add_asking_again(self, name, who):
        while not self.lock.acquire(blocking=False):
            pass
        try:
            if name in self.names:
                return False
            self.names[name] = who
            return True
        finally:
            self.lock.release()

    def add_with_condition(self, name, who):
        with self.arrived:
            is_free = name not in self.names
            if is_free:
                self.names[name] = who
        return is_free

    def add_with_timeout(self, name, who):
        if not self.lock.acquire(timeout=5):
            raise TimeoutError("nobody gave it back")
        try:
            if name in self.names:
                return False
            self.names[name] = who
            return True
        finally:
            self.lock.release()

    # --- Count

    def up_with_lock(self):
        self.lock.acquire()
        self.total += 1
        self.lock.release()

    def up_again(self):
        with self.again:
            self.up_inside()

    def up_inside(self):
        with self.again:
            self.total += 1

    def up_with_ticket(self):
        self.total = max(self.total, 0)
        return next(self.tickets)

    def up_with_slot(self):
        with self.slot:
            now = self.total
            sleep(0.01)
            self.total = now + 1

    # --- Walk while it changes

    def put_with_lock(self, name):
        with self.lock:
            self.names[name] = 1

    def walk_with_lock(self):
        with self.lock:
            return [name for name in self.names]

    def put(self, name):
        self.names[name] = 1

    def walk_a_snapshot(self):
        return [name for name in list(self.names)]

    def put_a_copy(self, name):
        with self.lock:
            self.members = (*self.members, name)

    def walk_what_was(self):
        found = []
        for name in self.members:
            found.append(name)
        return found

    # --- Two locks

    def both(self):
        with self.lock, self.other:
            self.total += 1

    def one_and_try(self):
        while True:
            with self.lock:
                if self.other.acquire(blocking=False):
                    self.total += 1
                    self.other.release()
                    return
            time.sleep(0.01)

    def other_and_try(self):
        while True:
            with self.other:
                if self.lock.acquire(blocking=False):
                    self.total += 1
                    self.lock.release()
                    return
            time.sleep(0.01)

    def one_and_wait(self):
        self.take_both(self.lock, self.other)

    def other_and_wait(self):
        self.take_both(self.other, self.lock)

    def take_both(self, first, second):
        while True:
            with first:
                if second.acquire(timeout=0.5):
                    try:
                        self.total += 1
                        return
                    finally:
                        second.release()

    # --- Leave once

    def leave_with_lock(self, name):
        with self.lock:
            if name in self.names:
                del self.names[name]
                self.said.append(f"{name} left")

    def leave_with_pop(self, name):
        if self.names.pop(name, None) is not None:
            self.said.append(f"{name} left")

    def leave_with_error(self, name):
        try:
            del self.names[name]
        except KeyError:
            return
        self.said.append(f"{name} left")

    # --- Wait for somebody

    def wait_for_condition(self):
        with self.arrived:
            self.arrived.wait_for(lambda: self.is_here)
        return True

    def wait_in_a_loop(self):
        with self.plain_arrived:
            while not self.is_here:
                self.plain_arrived.wait(timeout=30)
        return True

    def arrive(self):
        with self.arrived:
            self.is_here = True
            self.arrived.notify_all()

    def arrive_plainly(self):
        with self.plain_arrived:
            self.is_here = True
            self.plain_arrived.notify()

    def wait_for_event(self):
        return self.event.wait()

    def wait_for_message(self):
        return self.inbox.get(timeout=60)

    def wait_looking(self):
        while not self.is_here:
            pass
        return True

    def wait_until_late(self):
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if self.is_here:
                return True
            time.sleep(0.1)
        return "late"

    def meet(self):
        self.gate.wait(timeout=10)
        return True

    # --- Threads of its own

    def up_in_threads(self):
        threads = [Thread(target=self.up_with_lock) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)
            assert not thread.is_alive()
        return [thread.name for thread in threads]

    def up_in_a_pool(self):
        with ThreadPoolExecutor(max_workers=2) as pool:
            return sorted(future.result() for future in [pool.submit(self.up_with_ticket) for _ in range(2)])

    def up_after_a_while(self):
        timer = threading.Timer(5, self.up_with_lock)
        timer.start()
        timer.join()


class Walker(Thread):
    """A thread that remembers its name."""

    def __init__(self, room, number=0):
        super().__init__(name=f"walker-{number}")
        self.room = room
        self.number = number
        self.said = ""

    def run(self):
        self.room.up_with_lock()
        self.said = threading.current_thread().name

    def all(self):
        walkers = [Walker(self.room, number) for number in range(2)]
        for walker in walkers:
            walker.start()
        for walker in walkers:
            walker.join()
        return [walker.said for walker in walkers]


class Ready(Room):
    """Its constructor waits for a thread of its own, the plain way."""

    def __init__(self):
        super().__init__()
        Thread(target=self.arrive).start()
        self.wait_looking()


def counter():
    """Return two functions that share a variable, not an object."""
    count = 0
    lock = Lock()

    def up():
        nonlocal count
        for _ in range(2):
            with lock:
                now = count
                count = now + 1

    return up, lambda: count
