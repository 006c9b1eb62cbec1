"""ask() prints every error and returns None.

fails: 1.16
hint 1.16: What does ask() return when there is no server?
"""


def ask(address, message):
    try:
        connection = socket.create_connection(address)
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(RECV_BYTES):
            answer += chunk
        connection.close()
        return answer
    except Exception as error:
        print("error:", error)
