"""What send returned is not looked at.

fails: 11.2
hint 11.2: send returns how many bytes it has taken.
"""


def send_now(connection, data):
    try:
        connection.send(data)
    except BlockingIOError:
        return data
    return b""
