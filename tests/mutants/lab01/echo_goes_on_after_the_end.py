"""At the end of the stream the loop goes on for ever, with b''.

fails: 1.8
hint 1.8: At the end of the stream `recv` returns b'',
"""


def echo(connection):
    while True:
        chunk = connection.recv(RECV_BYTES)
        connection.sendall(chunk)
