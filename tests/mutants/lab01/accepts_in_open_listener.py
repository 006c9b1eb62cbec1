"""open_listener() already waits for a first client, and returns the connection.

fails: 1.1
hint 1.1: Compare with the steps of a listener: create the
"""


def open_listener(host="127.0.0.1", port=0):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()
    connection, address = listener.accept()
    return connection
