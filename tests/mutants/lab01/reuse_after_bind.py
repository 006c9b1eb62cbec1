"""SO_REUSEADDR is set when `bind` has already been refused.

fails: 1.3
hint 1.3: After a connection the system keeps the port for
"""


def open_listener(host="127.0.0.1", port=0):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((host, port))
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.listen()
    return listener
