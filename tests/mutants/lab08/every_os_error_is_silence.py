"""A reset is an OSError, as a time that is over is one.

fails: 8.2
hint 8.2: recv raises ConnectionResetError. Who of those who use
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    is_asked = False
    while True:
        connection.settimeout(answer_seconds if is_asked else idle_seconds)
        try:
            chunk = connection.recv(RECV_BYTES)
        except OSError:
            if is_asked:
                raise ConnectionError("nothing was heard") from None
            is_asked = True
            ping()
            continue
        if not chunk:
            return
        is_asked = False
        yield chunk
