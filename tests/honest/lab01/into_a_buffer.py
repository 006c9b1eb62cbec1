"""recv_into and a bytearray, as one finds it in a book on fast servers."""

import os
import socket


class Echo:
    def __init__(self, connection):
        self.connection = connection
        self.buffer = bytearray(512)
        self.view = memoryview(self.buffer)

    def run(self):
        with self.connection:
            while True:
                size = self.connection.recv_into(self.buffer)
                if size == 0:
                    return
                self.connection.sendall(self.view[:size])


def open_listener(host="127.0.0.1", port=0):
    listener = socket.socket()
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def send_everything(connection, data):
    rest = bytearray(data)
    while rest:
        sent = connection.send(rest)
        del rest[:sent]


def echo(connection):
    Echo(connection).run()


def serve(listener):
    try:
        while True:
            connection, _ = listener.accept()
            try:
                echo(connection)
            except Exception as error:
                print(type(error).__name__, error)
                connection.close()
    except KeyboardInterrupt:
        listener.close()


def ask(address, message):
    connection = socket.create_connection(address)
    try:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        answer, part = b"", bytearray(100)
        while size := connection.recv_into(part, 100):
            answer += bytes(part[:size])
        return answer
    finally:
        connection.close()
