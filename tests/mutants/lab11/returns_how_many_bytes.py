"""What send returned is returned, and not what is left over.

fails: 11.2
hint 11.2: send returns how many bytes it has taken.
"""


def send_now(connection, data):
    try:
        sent_bytes = connection.send(data)
    except BlockingIOError:
        sent_bytes = 0
    return sent_bytes
