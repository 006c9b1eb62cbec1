"""A server that does more than was asked: it serves many at a time."""

import os
import socket
import threading


def open_listener(host="127.0.0.1", port=0):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, True)
    listener.bind((host, port))
    listener.listen(socket.SOMAXCONN)
    return listener


def send_everything(connection, data):
    while data:
        data = data[connection.send(data[:100]) :]


def echo(connection):
    try:
        chunk = connection.recv(100)
        while chunk != b"":
            connection.sendall(chunk)
            chunk = connection.recv(100)
    finally:
        connection.close()


def visit(connection):
    try:
        echo(connection)
    except OSError:
        pass


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=visit, args=(connection,), daemon=True).start()


def ask(address, message):
    with socket.create_connection(address, timeout=10) as connection:
        send_everything(connection, message)
        connection.shutdown(socket.SHUT_WR)
        answer = bytearray()
        while True:
            chunk = connection.recv(4096)
            if len(chunk) == 0:
                return bytes(answer)
            answer.extend(chunk)
