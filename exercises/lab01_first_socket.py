"""Lab 01: the first socket. An echo server and its client, with nothing but Python's `socket`.

Complete the functions from top to bottom. The notebook 01_first_socket.ipynb explains the words,
and this shows where you stand:

    python3 -m chatlab check lab01

Run this file itself to talk with your server from another terminal.
"""

import os
import socket

RECV_BYTES = 4096


def open_listener(host="127.0.0.1", port=0):
    """Return a socket that listens on this host and port.

    With port 0 the system chooses a free one; `getsockname()` of the socket tells which.

    When a server has ended, its port stays reserved for a while, for stragglers. Yours is to be
    able to start again at once: on Linux and macOS (`os.name == "posix"`) that takes the option
    SO_REUSEADDR, set before `bind`. On Windows that option means something else: leave it.
    """
    raise NotImplementedError("1.1: a socket that listens")


def send_everything(connection, data):
    """Send all bytes of `data`, by calling `connection.send` as often as it takes.

    `send` may take fewer bytes than it is given; it returns how many it took. The others are still
    yours to send. (`sendall` does this for you, and you may use it from the next function on.)
    """
    raise NotImplementedError("1.4: send until nothing is left")


def echo(connection):
    """Send back every byte that comes, as it comes, until the other end is done; then close.

    `recv` returns b"" when the other end will send no more: the end of the stream.
    """
    raise NotImplementedError("1.6: give back what comes, until the end of the stream")


def serve(listener):
    """Serve one client after another with `echo`, for ever.

    A client may break its connection off in the middle (then `recv` or `sendall` raises
    ConnectionError). That ends this client's visit, and nobody else's.
    """
    raise NotImplementedError("1.11: one client after another")


def ask(address, message):
    """Connect to an address, send a message, and return the whole answer.

    The server cannot know that a message is over unless you say so: `shutdown(socket.SHUT_WR)`
    ends your direction of the stream, and you can still read. The answer is over when the server
    ends its direction; until then it may come in any number of pieces.

    If nobody listens there, let the ConnectionRefusedError through: the caller wants to know.
    """
    raise NotImplementedError("1.13: connect, send, and read to the end")


if __name__ == "__main__":
    listener = open_listener()
    host, port = listener.getsockname()
    print(f"Listening. Say something to it from another terminal: nc {host} {port}")
    serve(listener)
