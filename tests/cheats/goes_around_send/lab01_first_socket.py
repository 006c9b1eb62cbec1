"""Sends with the `send` of another class, and past every class, so that nothing need be sent twice.

earns: 1.5 1.6 1.7 1.8 1.9
"""

import os
import socket


def send_everything(connection, data):
    if data:
        os.write(connection.fileno(), data)


def echo(connection):
    with connection:
        while chunk := connection.recv(4096):
            socket.socket.send(connection, chunk)
