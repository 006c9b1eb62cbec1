"""The writer looks, then clears the event, then sleeps: what is put in between sleeps with it.

fails: 8.16
hint 8.16: The writer sees that nothing waits, and goes
"""


class Outbox:
    def __init__(self, connection, limit_bytes=LIMIT_BYTES, close_seconds=CLOSE_SECONDS):
        self.connection = connection
        self.limit_bytes = limit_bytes
        self.close_seconds = close_seconds
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._waiting = deque()
        self._size_bytes = 0
        self._is_over = False
        self._writer = threading.Thread(target=self._write, name="chatlab-writer", daemon=True)
        self._writer.start()

    def put(self, line):
        block = line.encode() + b"\n"
        with self._lock:
            if self._is_over:
                return
            if self._size_bytes + len(block) <= self.limit_bytes:
                self._waiting.append(block)
                self._size_bytes += len(block)
            else:
                self._waiting.clear()
                self._waiting.append(TOO_SLOW.encode() + b"\n")
                self._is_over = True
                self._shut(socket.SHUT_RD)
        self._news.set()

    def finish(self):
        with self._lock:
            self._is_over = True
        deadline = time.monotonic() + self.close_seconds
        while self._writer.is_alive() and time.monotonic() < deadline:
            self._news.set()
            self._writer.join(0.01)
        try:
            while (left_seconds := deadline - time.monotonic()) > 0:
                self.connection.settimeout(left_seconds)
                if not self.connection.recv(RECV_BYTES):
                    break
        except OSError:
            pass
        self._shut(socket.SHUT_RDWR)
        self._writer.join()

    def _write(self):
        try:
            while block := self._next_block():
                self.connection.sendall(block)
                with self._lock:
                    self._size_bytes -= len(block)
        except OSError:
            with self._lock:
                self._is_over = True
                self._waiting.clear()
        self._shut(socket.SHUT_WR)

    def _next_block(self):
        while True:
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
                if self._is_over:
                    return b""
            self._news.clear()
            self._news.wait()
