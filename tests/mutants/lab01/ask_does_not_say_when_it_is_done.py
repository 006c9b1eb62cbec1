"""Without shutdown the server waits for the end of the message for ever.

fails: 1.15
hint 1.15: The server waits for the end of your message,
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        answer = b""
        while chunk := connection.recv(RECV_BYTES):
            answer += chunk
        return answer
