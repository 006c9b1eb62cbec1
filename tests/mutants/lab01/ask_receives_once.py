"""ask() takes the first chunk for the whole answer.

fails: 1.14
hint 1.14: How many times do you call `recv`, and how
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(RECV_BYTES)
