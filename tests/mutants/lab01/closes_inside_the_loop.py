"""The connection is closed inside the loop, after the first chunk.

fails: 1.7 1.8
hint 1.7: Your echo answered the first chunk, and then?
"""


def echo(connection):
    while True:
        chunk = connection.recv(RECV_BYTES)
        if not chunk:
            break
        connection.sendall(chunk)
        connection.close()
