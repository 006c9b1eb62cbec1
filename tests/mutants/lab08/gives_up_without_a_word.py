"""No answer: the generator just ends.

fails: 8.4
hint 8.4: The other end has been asked, and says
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    is_asked = False
    while True:
        connection.settimeout(answer_seconds if is_asked else idle_seconds)
        try:
            chunk = connection.recv(RECV_BYTES)
        except TimeoutError:
            if is_asked:
                return
            is_asked = True
            ping()
            continue
        if not chunk:
            return
        is_asked = False
        yield chunk
