"""A Condition that is made when the file is loaded."""

import threading

ready = threading.Condition()
is_ready = False


def wait():
    with ready:
        ready.wait_for(lambda: is_ready)


def tell():
    global is_ready
    with ready:
        is_ready = True
        ready.notify()


def reset():
    global is_ready
    is_ready = False
