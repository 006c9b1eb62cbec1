"""After each silence another ping, and never an end.

fails: 8.4
hint 8.4: The other end has been asked, and says
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    while True:
        connection.settimeout(idle_seconds)
        try:
            chunk = connection.recv(RECV_BYTES)
        except TimeoutError:
            ping()
            continue
        if not chunk:
            return
        yield chunk
