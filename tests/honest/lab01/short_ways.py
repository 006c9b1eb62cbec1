"""The shortest ways that the library has: create_server, a memoryview, sendall, a file of a socket."""

import contextlib
import os
import socket


def open_listener(host="127.0.0.1", port=0):
    return socket.create_server((host, port), backlog=16)


def send_everything(connection, data):
    view = memoryview(data)
    while len(view):
        view = view[connection.send(view) :]


def echo(connection):
    with contextlib.closing(connection):
        for chunk in iter(lambda: connection.recv(65536), b""):
            connection.sendall(chunk)


def serve(listener):
    while True:
        connection = listener.accept()[0]
        with contextlib.suppress(ConnectionError):
            echo(connection)


def ask(address, message):
    with socket.create_connection(address) as connection, connection.makefile("rb") as answer:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        return answer.read()


if __name__ == "__main__":
    print(os.getpid())
    serve(open_listener(port=8000))
