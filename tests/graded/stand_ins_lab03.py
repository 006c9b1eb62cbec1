"""What the code of lab 03 is given in place of the ordinary: connections, and visits of every kind.

Runs in the student's process, with the standard library alone.
"""

import builtins
import errno
import itertools
import os
import sys
import threading
import time

FILE = "lab03_threads"
GREETING = b"hello\n"
LAST_WORD = b"goodbye\n"


# ---- connections ---------------------------------------------------------------------------------


class Connection:
    """A connection that only remembers whether it was ended."""

    numbers = itertools.count(1)

    def __init__(self):
        self.number = next(Connection.numbers)
        self.is_kept = False
        self.is_ended = False

    def shutdown(self, how):
        self.is_ended = True

    def close(self):
        self.is_ended = True

    def __hash__(self):
        return self.number  # so that a set has them in the same order each time

    def __repr__(self):
        return "<a connection>"


class Gone(Connection):
    """A connection whose other end has gone already."""

    def shutdown(self, how):
        self.is_ended = True
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    def was_tried(self):
        return self.is_ended


class ConnectionsOf:
    """The student's Connections; each of them has a name here, so that plain data can tell which is meant."""

    def __init__(self, module, names):
        self._connections = module.Connections()
        self._named = {}
        for name in names:
            self.add(name)

    def add(self, name):
        connection = self._named[name] = Connection()
        connection.is_kept = self._connections.add(connection)
        return connection.is_kept

    def remove(self, name):
        self._connections.remove(self._named[name])

    def count(self):
        return self._connections.count()

    def end_all(self):
        self._connections.end_all()

    def left_open(self):
        return sorted(name for name, one in self._named.items() if one.is_kept and not one.is_ended)


def is_open(sock):
    """Return whether a socket has not been closed."""
    return sock.fileno() != -1


# ---- visits ----------------------------------------------------------------------------------------


def greet(connection):
    connection.sendall(GREETING)


# These take a moment at their end. Whoever does not wait for their threads finds them running, and
# whoever walks over the connections is done before they leave: what happens else is for a check of its own.


def greet_and_stay(connection):
    connection.sendall(GREETING)
    connection.recv(100)
    time.sleep(0.2)


def have_a_last_word(connection):
    connection.sendall(GREETING)
    connection.recv(100)
    time.sleep(0.2)
    connection.sendall(LAST_WORD)


def send_without_end(connection):
    try:
        while True:
            connection.sendall(bytes(100_000))
    finally:
        time.sleep(0.2)


def raises(name):
    """Return a visit that raises the exception of this name."""

    def visit(connection):
        raise getattr(builtins, name)("so says the visit")

    return visit


# ---- servers ---------------------------------------------------------------------------------------


def have_patience(polite_seconds, join_seconds):
    """Set how long `stop` waits."""
    module = sys.modules[FILE]
    module.POLITE_SECONDS, module.JOIN_SECONDS = polite_seconds, join_seconds


def end_slowly(connections):
    """Let `end_all` take a moment before it does anything: what must come after it then surely comes too early."""
    end_all = connections.end_all

    def end_all_slowly(*how):
        time.sleep(0.2)
        end_all(*how)

    connections.end_all = end_all_slowly


def ended_threads_of(server):
    """Return the names of threads that it still keeps though they have ended."""
    return [thread.name for thread in server.threads if not thread.is_alive()]


def stop(server):
    """Call `stop`, and return which threads of clients still run at that very moment."""
    server.stop()
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("chatlab-client"))


def threads_of(server):
    """Return the names of the threads that it keeps."""
    return [thread.name for thread in server.threads]
