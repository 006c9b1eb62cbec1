"""The end of the stream is looked for as None, and recv returns b''.

fails: 1.8
hint 1.8: At the end of the stream `recv` returns b'',
"""


def echo(connection):
    while True:
        chunk = connection.recv(RECV_BYTES)
        if chunk is None:
            break
        connection.sendall(chunk)
    connection.close()
