"""A chat with a thread for each client, as textbooks write it: a lock around the list, `sendall` for each line."""

import socket
import sys
import threading

connections = []
lock = threading.Lock()


def visit(connection):
    """Serve one client."""
    connection.sendall(b"* What is your name?\n")
    lines = connection.makefile("rb")
    name = lines.readline().strip()
    connection.sendall(b"* Welcome, " + name + b".\n")
    with lock:
        connections.append(connection)
    try:
        for line in lines:
            with lock:
                for other in connections:
                    if other is not connection:
                        other.sendall(name + b": " + line)
    except OSError:
        pass
    with lock:
        connections.remove(connection)
    connection.close()


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024) as listener:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=visit, args=[connection], daemon=True).start()
