"""When the connection takes nothing, all is taken for sent.

fails: 11.2
hint 11.2: send returns how many bytes it has taken.
"""


def send_now(connection, data):
    try:
        return data[connection.send(data) :]
    except BlockingIOError:
        return b""
