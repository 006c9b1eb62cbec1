"""All chunks are collected first.

fails: 8.1
hint 8.1: Begin with what you know: recv in a
"""


def chunks(connection, ping, idle_seconds=IDLE_SECONDS, answer_seconds=ANSWER_SECONDS):
    collected = []
    connection.settimeout(idle_seconds)
    while chunk := connection.recv(RECV_BYTES):
        collected.append(chunk)
    yield from collected
