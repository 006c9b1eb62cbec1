"""That nothing has come is left to the caller.

fails: 11.1
hint 11.1: Three things can come of recv on a
"""


def receive_now(connection):
    return connection.recv(RECV_BYTES)
