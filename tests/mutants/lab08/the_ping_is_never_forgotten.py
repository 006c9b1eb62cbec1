"""A sign of life does not cancel that it was asked.

fails: 8.5
hint 8.5: The answer has come. How long may the
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    is_asked = False
    while True:
        connection.settimeout(answer_seconds if is_asked else idle_seconds)
        try:
            chunk = connection.recv(RECV_BYTES)
        except TimeoutError:
            if is_asked:
                raise ConnectionError("nothing was heard") from None
            is_asked = True
            ping()
            continue
        if not chunk:
            return
        yield chunk
