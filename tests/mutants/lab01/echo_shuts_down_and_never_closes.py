"""shutdown says that nothing more will come; the socket itself stays open.

fails: 1.8
hint 1.8: At the end of the stream `recv` returns b'',
"""


def echo(connection):
    while chunk := connection.recv(RECV_BYTES):
        connection.sendall(chunk)
    connection.shutdown(socket.SHUT_WR)
