"""Sockets that do not block, `select` to wait, `sendmsg` to send, and one function that all others are made of."""

import contextlib
import os
import select
import socket


def open_listener(host="127.0.0.1", port=0):
    with contextlib.ExitStack() as closes_after_an_error:
        listener = closes_after_an_error.enter_context(socket.socket())
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(socket.SOMAXCONN)
        closes_after_an_error.pop_all()
    return listener


def send_everything(connection, data):
    place = 0
    while place < len(data):
        select.select([], [connection], [])
        if hasattr(connection, "sendmsg"):
            place += connection.sendmsg([memoryview(data)[place:]])
        else:
            place += connection.send(memoryview(data)[place:])


def passes_on(connection, take):
    connection.setblocking(False)
    while True:
        select.select([connection], [], [])
        try:
            chunk = connection.recv(1000)
        except BlockingIOError:
            continue
        if chunk == b"":
            return
        take(chunk)


def send_without_blocking(connection, data):
    while data:
        select.select([], [connection], [])
        try:
            data = data[connection.send(data) :]
        except BlockingIOError:
            pass


def echo(connection):
    with contextlib.closing(connection):
        passes_on(connection, lambda chunk: send_without_blocking(connection, chunk))


def serve(listener):
    for connection, _address in iter(listener.accept, None):
        with contextlib.suppress(ConnectionError):
            echo(connection)


def ask(address, message):
    chunks = []
    with contextlib.closing(socket.create_connection(address)) as connection:
        send_without_blocking(connection, message)
        connection.shutdown(socket.SHUT_WR)
        passes_on(connection, chunks.append)
    return b"".join(chunks)
