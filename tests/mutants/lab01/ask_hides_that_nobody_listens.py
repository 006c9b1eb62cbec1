"""If nobody listens ask() returns an empty answer.

fails: 1.16
hint 1.16: What does ask() return when there is no server?
"""


def ask(address, message):
    try:
        with socket.create_connection(address) as connection:
            connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while chunk := connection.recv(RECV_BYTES):
                answer += chunk
            return answer
    except ConnectionRefusedError:
        return b""
