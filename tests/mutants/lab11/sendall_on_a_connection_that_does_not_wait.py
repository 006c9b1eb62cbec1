"""sendall gives up in the middle, and does not say where.

fails: 11.2
hint 11.2: send returns how many bytes it has taken.
"""


def send_now(connection, data):
    connection.sendall(data)
    return b""
