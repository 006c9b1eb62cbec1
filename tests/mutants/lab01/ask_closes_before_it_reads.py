"""ask() closes the connection to end its message, and cannot read any more.

fails: 1.13
hint 1.13: Connect, send, read, return the bytes that came, as
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        connection.close()
        answer = b""
        while chunk := connection.recv(RECV_BYTES):
            answer += chunk
        return answer
