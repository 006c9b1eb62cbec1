"""What is left over is sent at once, again and again.

fails: 11.2
hint 11.2: send returns how many bytes it has taken.
"""


def send_now(connection, data):
    while data:
        try:
            data = data[connection.send(data) :]
        except BlockingIOError:
            pass
    return b""
