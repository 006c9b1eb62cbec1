"""Whatever port is asked for, the system chooses one.

fails: 1.2 1.3
hint 1.2: Look at what you give to `bind`: are they
"""


def open_listener(host="127.0.0.1", port=0):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, 0))
    listener.listen()
    return listener
