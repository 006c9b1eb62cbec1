"""Each call receives all that there is, however much.

fails: 11.1
hint 11.1: Three things can come of recv on a
"""


def receive_now(connection):
    data = None
    try:
        while chunk := connection.recv(RECV_BYTES):
            data = (data or b"") + chunk
        return data or b""
    except BlockingIOError:
        return data
