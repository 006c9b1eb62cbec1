"""The time of the last sign of life is noted once, and not with each.

fails: 8.3
hint 8.3: recv waits for ever, unless it has a
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    heard_at = time.monotonic()
    is_asked = False
    while True:
        limit = idle_seconds + (answer_seconds if is_asked else 0)
        connection.settimeout(max(0.01, heard_at + limit - time.monotonic()))
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
        is_asked = False
        yield chunk
