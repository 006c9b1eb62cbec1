"""The time limit is set once, before the loop.

fails: 8.4
hint 8.4: The other end has been asked, and says
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    connection.settimeout(idle_seconds)
    is_asked = False
    while True:
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
