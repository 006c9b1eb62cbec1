"""The end of the message is said only when the answer has been read.

fails: 1.15
hint 1.15: The server waits for the end of your message,
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        answer = b""
        while chunk := connection.recv(RECV_BYTES):
            answer += chunk
        connection.shutdown(socket.SHUT_WR)
        return answer
