"""ask() prints the answer and returns nothing.

fails: 1.13
hint 1.13: Connect, send, read, return the bytes that came, as
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(RECV_BYTES):
            answer += chunk
        print(answer)
