"""put sends the line itself; there is no writer.

fails: 8.7
hint 8.7: Nobody reads, so whoever calls send waits. Who
"""


class Outbox:
    def __init__(self, connection, limit_bytes=LIMIT_BYTES, close_seconds=CLOSE_SECONDS):
        self.connection = connection

    def put(self, line):
        self.connection.sendall(line.encode() + b"\n")
