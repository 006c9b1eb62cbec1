"""Nothing has come, and b"" is returned for it.

fails: 11.1
hint 11.1: Three things can come of recv on a
"""


def receive_now(connection):
    try:
        return connection.recv(RECV_BYTES)
    except BlockingIOError:
        return b""
