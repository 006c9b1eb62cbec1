"""ask() takes the answer to be as long as the message.

fails: 1.13
hint 1.13: Connect, send, read, return the bytes that came, as
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(len(message))
