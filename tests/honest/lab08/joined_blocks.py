"""All that waits is joined into one block, sent with `send`; an Event wakes the writer; finish drains in the writer."""

from socket import SHUT_RD, SHUT_RDWR, SHUT_WR
from threading import Event, Lock, Thread
from time import monotonic

TOO_SLOW = "! You read too slowly and too much is waiting for you, so the connection ends."


def chunks(connection, ping, idle_seconds=20.0, answer_seconds=10.0):
    asked_at = None
    heard_at = monotonic()
    while True:
        connection.settimeout(1.0)
        try:
            chunk = connection.recv(65536)
        except TimeoutError:
            now = monotonic()
            if asked_at is None and now - heard_at >= idle_seconds:
                asked_at = now
                ping()
            elif asked_at is not None and now - asked_at >= answer_seconds:
                raise ConnectionError("dead") from None
        else:
            if chunk == b"":
                break
            asked_at, heard_at = None, monotonic()
            yield chunk


class Outbox:
    def __init__(self, connection, limit_bytes=262144, close_seconds=10.0):
        self._connection = connection
        self._limit = limit_bytes
        self._close_seconds = close_seconds
        self._lock = Lock()
        self._wake = Event()
        self._lines = []
        self._sending = 0
        self._done = False
        self._thread = Thread(target=self._run, name="chatlab-writer")
        self._thread.daemon = True
        self._thread.start()

    def put(self, line):
        data = bytes(f"{line}\n", "utf-8")
        dropped = False
        with self._lock:
            if self._done:
                return
            if sum(map(len, self._lines)) + self._sending + len(data) > self._limit:
                self._lines = [bytes(TOO_SLOW + "\n", "utf-8")]
                self._done = dropped = True
            else:
                self._lines.append(data)
        self._wake.set()
        if dropped:
            self._shutdown(SHUT_RD)

    def _run(self):
        while True:
            self._wake.wait()
            with self._lock:
                self._wake.clear()
                block, self._lines = b"".join(self._lines), []
                self._sending = len(block)
                done = self._done
            try:
                while block:
                    taken = self._connection.send(block)
                    block = block[taken:]
                    with self._lock:
                        self._sending -= taken
            except OSError:
                with self._lock:
                    self._done = True
                return
            if done:
                break
        self._shutdown(SHUT_WR)

    def finish(self):
        end = monotonic() + self._close_seconds
        with self._lock:
            self._done = True
        self._wake.set()
        self._thread.join(self._close_seconds)
        while monotonic() < end:
            try:
                self._connection.settimeout(max(0.001, end - monotonic()))
                if self._connection.recv(1000) == b"":
                    break
            except OSError:
                break
        self._shutdown(SHUT_RDWR)
        self._thread.join()

    def _shutdown(self, how):
        try:
            self._connection.shutdown(how)
        except OSError:
            pass
