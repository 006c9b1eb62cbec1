"""What a student's code is given in place of the ordinary, so that rare things happen every time.

Runs in the student's process, with the standard library alone.
"""

import socket


class Stingy(socket.socket):
    """A socket whose `send` takes few bytes at a time, as one does whose other end reads slowly.

    It sends each piece with its length before it, two bytes. So the judge sees what did not go through `send`.
    """

    def __init__(self, sock, limit_bytes):
        super().__init__(fileno=sock.detach())
        self.limit_bytes = limit_bytes

    def send(self, data, *flags):
        if isinstance(data, str):
            return super().send(data, *flags)  # which says what it wants in place of text
        piece = bytes(data)[: self.limit_bytes]
        timeout_seconds = self.gettimeout()
        self.settimeout(None)  # whole, also if the student's code does not want to wait
        super().sendall((len(piece).to_bytes(2, "big") + piece) if piece else b"", *flags)
        self.settimeout(timeout_seconds)
        return len(piece)

    def sendmsg(self, buffers, *others):
        return self.send(b"".join(buffers))

    def sendall(self, data, *flags):
        while data:
            data = data[self.send(data, *flags) :]


class OnlySend(Stingy):
    """A socket for the exercise that is about `send`."""

    def sendall(self, data, *flags):
        raise AttributeError("sendall is for the exercises after this one; call `send` yourself, as often as it takes")


def sip(limit_bytes, mask):
    """Let every socket's recv return few bytes at a time, as if they came in small pieces.

    The judge masks what it sends meanwhile, and this takes the mask off: what was read past these is no answer.
    """
    recv, recv_into = socket.socket.recv, socket.socket.recv_into
    table = bytes(byte ^ mask for byte in range(256))

    def sipping(self, size, *flags):
        return recv(self, min(size, limit_bytes), *flags).translate(table)

    def sipping_from(self, size, *flags):
        return sipping(self, size, *flags), None

    def sipping_into(self, buffer, size=0, *flags):
        count = recv_into(self, buffer, min(size or len(buffer), limit_bytes), *flags)
        view = memoryview(buffer)[:count]
        view[:] = bytes(view).translate(table)
        return count

    socket.socket.recv, socket.socket.recvfrom, socket.socket.recv_into = sipping, sipping_from, sipping_into


def accept(listener):
    """Return the next connection alone, without its address."""
    return listener.accept()[0]


def is_open(sock):
    """Return whether a socket has not been closed."""
    return sock.fileno() != -1


def lose_patience_at_the_end(patience_reads=20):
    """Let every socket's recv raise when it has told the end so often: whoever still asks would do so for ever."""
    recv, recv_into = socket.socket.recv, socket.socket.recv_into
    ends = {}

    def told(sock, came):
        if not came:
            ends[sock] = ends.get(sock, 0) + 1
            if ends[sock] >= patience_reads:
                raise EOFError(f"recv has returned b'' {patience_reads} times: the stream is over, your loop is not")
        return came

    def recv_in_patience(self, size, *flags):
        return told(self, recv(self, size, *flags))

    def recv_into_in_patience(self, buffer, size=0, *flags):
        return told(self, recv_into(self, buffer, size, *flags))

    socket.socket.recv, socket.socket.recv_into = recv_in_patience, recv_into_in_patience


def count(owner, name):
    """Return how much is in an attribute: bytes, a bytearray and a list of pieces are all good ways to keep some."""
    return len(getattr(owner, name))
