"""A reset is taken for nothing that has come.

fails: 11.1
hint 11.1: Three things can come of recv on a
"""


def receive_now(connection):
    try:
        return connection.recv(RECV_BYTES)
    except OSError:
        return None
