"""The answer is asked for again as soon as half of the time is over.

fails: 8.3
hint 8.3: recv waits for ever, unless it has a
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    asked = 0
    while True:
        connection.settimeout(answer_seconds / 2 if asked else idle_seconds)
        try:
            chunk = connection.recv(RECV_BYTES)
        except TimeoutError:
            if asked == 2:
                raise ConnectionError("nothing was heard") from None
            asked += 1
            ping()
            continue
        if not chunk:
            return
        asked = 0
        yield chunk
