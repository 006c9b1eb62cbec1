"""Each chunk, and at last the empty one, takes the place of the one before.

fails: 1.13
hint 1.13: Connect, send, read, return the bytes that came, as
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        answer = b"?"
        while answer:
            answer = connection.recv(RECV_BYTES)
        return answer
