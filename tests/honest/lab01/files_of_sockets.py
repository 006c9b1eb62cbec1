"""Files of sockets in place of recv and sendall."""

import os
import socket


def open_listener(host="127.0.0.1", port=0):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1)
    return listener


def send_everything(connection, data):
    if not data:
        return
    sent = connection.send(data)
    send_everything(connection, data[sent:]) if sent < len(data) else None


def echo(connection):
    with connection, connection.makefile("rwb", buffering=0) as file:
        while data := file.read(4096):
            connection.sendall(data)


def serve(listener):
    while True:
        conn, addr = listener.accept()
        with conn:
            try:
                echo(conn)
            except (ConnectionResetError, BrokenPipeError, ConnectionAbortedError):
                pass


def ask(address, message):
    host, port = address
    with socket.socket() as connection:
        connection.connect((host, port))
        with connection.makefile("wb") as out:
            out.write(message)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as file:
            return b"".join(file)
