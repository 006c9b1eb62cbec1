"""A chunk smaller than asked for is taken for the last one.

fails: 1.14
hint 1.14: How many times do you call `recv`, and how
"""


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            chunk = connection.recv(RECV_BYTES)
            answer += chunk
            if len(chunk) < RECV_BYTES:
                return answer
