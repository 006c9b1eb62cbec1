"""Long-winded, with prints for finding mistakes."""

import os
import socket
import sys

print("lab 1 was loaded")


def open_listener(host="127.0.0.1", port=0):
    print("open_listener", host, port)
    s = socket.socket()
    if os.name == "posix":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    address = (host, port)
    s.bind(address)
    s.listen(5)
    print("listening on", s.getsockname())
    return s


def send_everything(connection, data):
    sent = 0
    while True:
        if sent == len(data):
            break
        n = connection.send(data[sent:])
        print("sent", n, "bytes", file=sys.stderr)
        sent = sent + n


def echo(connection):
    while True:
        data = connection.recv(1024)
        print("got", data[:20])
        if not data:
            break
        send_everything(connection, data)
    connection.close()


def serve(listener):
    number = 0
    while True:
        connection, address = listener.accept()
        number += 1
        print("client", number, address)
        try:
            echo(connection)
        except ConnectionResetError as error:
            print("reset:", error)
        except BrokenPipeError as error:
            print("broken pipe:", error)
        finally:
            connection.close()


def ask(address, message):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.connect(address)
    s.sendall(message)
    s.shutdown(socket.SHUT_WR)
    chunks = []
    while True:
        chunk = s.recv(10)
        if chunk == b"":
            break
        chunks.append(chunk)
    s.close()
    return b"".join(chunks)
