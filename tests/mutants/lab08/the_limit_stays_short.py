"""After an answer the time limit is still that of the answer.

fails: 8.5
hint 8.5: The answer has come. How long may the
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
            connection.settimeout(answer_seconds)
            ping()
            continue
        if not chunk:
            return
        is_asked = False
        yield chunk
