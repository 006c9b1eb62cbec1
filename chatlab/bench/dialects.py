"""How a client speaks to each kind of server: what it says to be in, and how it says a line.

Knows nothing of sockets and time.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

CHANNEL = "chatlab"


class Dialect:
    """chatlab's own protocol, and that of each chat in which a client first says its name."""

    def hello(self, name: str, reads: bool) -> bytes:
        """Return what somebody says to be in. Who does not read may not want to hear the others."""
        return name.encode() + b"\n"

    def is_in(self, heard: bytes) -> bool:
        """Whether the answers mean that one is in."""
        return b"* Welcome" in heard

    def line(self, text: bytes) -> bytes:
        """Return the bytes by which a text is said to everyone; the text has no LF."""
        return text + b"\n"

    def delivery(self, heard: bytes, text: bytes) -> bytes | None:
        """Return all the bytes by which this text reached a client, once it has been heard whole, else None."""
        at = heard.find(text)
        end = heard.find(b"\n", at + len(text))
        if at < 0 or end < 0:
            return None
        return heard[heard.rfind(b"\n", 0, at) + 1 : end + 1]


class WebSocket(Dialect):
    """The chat over WebSocket (RFC 6455), a text message a line; the frames are short ones."""

    def hello(self, name: str, reads: bool) -> bytes:
        key = base64.b64encode(bytes(16)).decode()
        request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        request += f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        return request.encode() + self.line(name.encode())

    def line(self, text: bytes) -> bytes:
        # A text frame, final, masked with a key of zeros: the text stands in it as it is.
        return bytes([0x81, 0x80 | len(text)]) + bytes(4) + text

    def delivery(self, heard: bytes, text: bytes) -> bytes | None:
        end = heard.find(text) + len(text)
        at = heard.rfind(b"\x81", 0, end - len(text))
        return heard[at:end] if end >= len(text) and at >= 0 else None


class Redis(Dialect):
    """Publish and subscribe of Redis; who says something need not subscribe."""

    def hello(self, name: str, reads: bool) -> bytes:
        return f"SUBSCRIBE {CHANNEL}\r\n".encode() if reads else b"PING\r\n"

    def is_in(self, heard: bytes) -> bool:
        return b"subscribe" in heard or b"+PONG" in heard

    def line(self, text: bytes) -> bytes:
        parts = (b"PUBLISH", CHANNEL.encode(), text)
        return b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)

    def delivery(self, heard: bytes, text: bytes) -> bytes | None:
        end = heard.find(text) + len(text) + 2
        at = heard.rfind(b"*3\r\n$7\r\nmessage", 0, end)
        return heard[at:end] if at >= 0 and len(heard) >= end >= len(text) + 2 else None


class Nats(Dialect):
    """A subject of NATS, in its text protocol; who says something need not subscribe."""

    def hello(self, name: str, reads: bool) -> bytes:
        subscribe = f"SUB {CHANNEL} 1\r\n" if reads else ""
        return f'CONNECT {{"verbose":false,"pedantic":false}}\r\n{subscribe}PING\r\n'.encode()

    def is_in(self, heard: bytes) -> bool:
        return b"PONG\r\n" in heard

    def line(self, text: bytes) -> bytes:
        return b"PUB %s %d\r\n%s\r\n" % (CHANNEL.encode(), len(text), text)

    def delivery(self, heard: bytes, text: bytes) -> bytes | None:
        end = heard.find(text) + len(text) + 2
        at = heard.rfind(b"MSG ", 0, end)
        return heard[at:end] if at >= 0 and len(heard) >= end >= len(text) + 2 else None


class Irc(Dialect):
    """A channel of IRC (RFC 2812)."""

    def hello(self, name: str, reads: bool) -> bytes:
        return f"NICK {name}\r\nUSER {name} 0 * :{name}\r\nJOIN #{CHANNEL}\r\n".encode()

    def is_in(self, heard: bytes) -> bool:
        return b" 366 " in heard  # the end of the list of who is in the channel

    def line(self, text: bytes) -> bytes:
        return b"PRIVMSG #%s :%s\r\n" % (CHANNEL.encode(), text)


@dataclass(frozen=True)
class Sample:
    """How a text of `line` arrives: so many bytes, and from which of them on the text stands."""

    delivery_bytes: int
    text_at: int


DIALECTS: dict[str, Dialect] = {
    "chat": Dialect(),
    "websocket": WebSocket(),
    "redis": Redis(),
    "nats": Nats(),
    "irc": Irc(),
}
