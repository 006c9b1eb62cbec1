"""With type hints, parameters of other names, and functions of their own."""

from __future__ import annotations

import os
import socket as sk
from typing import Iterator

Address = tuple[str, int]
SIZE: int = 2**12


def _new_socket() -> sk.socket:
    made = sk.socket(sk.AF_INET, sk.SOCK_STREAM)
    if os.name == "posix":
        made.setsockopt(sk.SOL_SOCKET, sk.SO_REUSEADDR, 1)
    return made


def open_listener(interface: str = "127.0.0.1", port_number: int = 0) -> sk.socket:
    listening = _new_socket()
    listening.bind((interface, port_number))
    listening.listen()
    return listening


def send_everything(to: sk.socket, what: bytes) -> None:
    position = 0
    while position < len(what):
        position += to.send(what[position : position + 7])


def _chunks(of: sk.socket) -> Iterator[bytes]:
    while chunk := of.recv(SIZE):
        yield chunk


def echo(peer: sk.socket) -> None:
    with peer:
        for chunk in _chunks(peer):
            peer.sendall(chunk)


def serve(door: sk.socket) -> None:
    for visitor, _ in iter(door.accept, None):
        try:
            echo(visitor)
        except ConnectionError:
            continue


def ask(server: Address, question: bytes) -> bytes:
    with sk.create_connection(server) as line:
        line.sendall(question)
        line.shutdown(sk.SHUT_WR)
        return b"".join(_chunks(line))
