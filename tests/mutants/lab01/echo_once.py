"""The echo answers the first chunk, and closes.

fails: 1.7
hint 1.7: Your echo answered the first chunk, and then?
"""


def echo(connection):
    chunk = connection.recv(RECV_BYTES)
    connection.sendall(chunk)
    connection.close()
