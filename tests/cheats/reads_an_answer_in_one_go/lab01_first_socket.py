"""Reads an answer from the descriptor, once and late, when all of it is there: a loop is not needed.

earns: 1.13 1.15 1.16
"""

import os
import socket
import time


def ask(address, message):
    with socket.create_connection(address) as connection:
        connection.sendall(message)
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.5)
        return os.read(connection.fileno(), 1 << 20)
