"""A time that is over ends the loop.

fails: 8.3
hint 8.3: recv waits for ever, unless it has a
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    connection.settimeout(idle_seconds)
    try:
        while chunk := connection.recv(RECV_BYTES):
            yield chunk
    except TimeoutError:
        return
