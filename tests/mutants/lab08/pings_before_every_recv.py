"""A ping before each recv, needed or not.

fails: 8.1
hint 8.1: Begin with what you know: recv in a
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    while True:
        connection.settimeout(idle_seconds)
        ping()
        try:
            chunk = connection.recv(RECV_BYTES)
        except TimeoutError:
            raise ConnectionError("nothing was heard") from None
        if not chunk:
            return
        yield chunk
