"""Without SO_REUSEADDR a server that was stopped cannot start again for a minute.

fails: 1.3
hint 1.3: After a connection the system keeps the port for
"""


def open_listener(host="127.0.0.1", port=0):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((host, port))
    listener.listen()
    return listener
