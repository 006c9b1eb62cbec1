"""recv in a loop, and no word of silence.

fails: 8.3
hint 8.3: recv waits for ever, unless it has a
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    while chunk := connection.recv(RECV_BYTES):
        yield chunk
