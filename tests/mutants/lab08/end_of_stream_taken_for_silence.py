"""No bytes: so the other end is silent, and is asked.

fails: 8.1
hint 8.1: Begin with what you know: recv in a
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    is_asked = False
    while True:
        connection.settimeout(answer_seconds if is_asked else idle_seconds)
        try:
            chunk = connection.recv(RECV_BYTES)
        except TimeoutError:
            chunk = b""
        if chunk:
            is_asked = False
            yield chunk
        elif is_asked:
            raise ConnectionError("nothing was heard")
        else:
            is_asked = True
            ping()
