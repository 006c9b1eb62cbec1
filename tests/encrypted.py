"""A person's end of TLS, which knows nothing of chatlab's code, and the certificates that the tests use."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path


class Encrypted:
    """A connected socket with TLS on it, for a client that waits in every call.

    Python's own SSLSocket cannot end its own direction and read on, and not be used by two threads at once.
    A stream that ends without close_notify reads as a reset: that the servers say it each time is part of P34.
    """

    def __init__(self, raw: socket.socket, context: ssl.SSLContext, server_name: str) -> None:
        self.raw = raw
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self._lock = threading.Lock()  # of the TLS in memory
        self._sending = threading.Lock()  # so that what is encrypted goes out in its order
        self._unsent = b""
        self._call(self._tls.do_handshake)

    def _call(self, step, *arguments):
        """Do a step of TLS, with as much of receiving and sending as it takes."""
        while True:
            with self._lock:
                try:
                    return step(*arguments)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b""
                finally:
                    self._unsent += self._outgoing.read()
            self._send_unsent()
            chunk = self.raw.recv(65536)
            if not chunk:
                raise ConnectionResetError("the stream ended without close_notify")
            with self._lock:
                self._incoming.write(chunk)

    def _send_unsent(self) -> None:
        with self._sending:
            while self._unsent:
                sent = self.raw.send(self._unsent)
                with self._lock:
                    self._unsent = self._unsent[sent:]

    def recv(self, size: int) -> bytes:
        return self._call(self._tls.read, size)

    def sendall(self, data: bytes) -> None:
        self._send_unsent()  # the rest of a call that has timed out
        for start in range(0, len(data), 16384):
            with self._lock:
                self._tls.write(data[start : start + 16384])
                self._unsent += self._outgoing.read()
            self._send_unsent()

    def say_end(self) -> None:
        """Send close_notify."""
        with self._lock:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # it would wait for the other end to say the same
            self._unsent += self._outgoing.read()
        self._send_unsent()

    def shutdown(self, how: int) -> None:
        self.say_end()
        self.raw.shutdown(how)

    def close(self) -> None:
        self.raw.close()

    def version(self) -> str:
        return self._tls.version()

    def __getattr__(self, name: str):
        assert name in ("settimeout", "setsockopt", "getsockname", "fileno", "setblocking"), name
        return getattr(self.raw, name)


@dataclass(frozen=True)
class Certificates:
    """The files that trustme has made, and how a server and a client use them. `bad` are those of other servers."""

    directory: Path
    server: ssl.SSLContext
    client: ssl.SSLContext
    bad: dict[str, tuple[str, str]]

    @property
    def files(self) -> tuple[str, str]:
        return str(self.directory / "server.pem"), str(self.directory / "server.key")

    @property
    def ca_file(self) -> str:
        return str(self.directory / "ca.pem")


def make_certificates(directory: Path) -> Certificates:
    """Make a good certificate for this machine, and one of each kind that a client must refuse."""
    import trustme

    def write(cert, name: str) -> tuple[str, str]:
        files = directory / f"{name}.pem", directory / f"{name}.key"
        files[0].write_bytes(b"".join(part.bytes() for part in cert.cert_chain_pems))
        cert.private_key_pem.write_to_path(files[1])
        return str(files[0]), str(files[1])

    here = ("localhost", "127.0.0.1", "::1")
    ours, others = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(directory / "ca.pem")
    files = write(ours.issue_cert(*here), "server")
    past, future = (datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc) for year in (2020, 2090))
    bad = {
        "expired": write(ours.issue_cert(*here, not_before=past.replace(year=2019), not_after=past), "expired"),
        "not yet valid": write(ours.issue_cert(*here, not_before=future, not_after=future.replace(year=2091)), "early"),
        "foreign": write(others.issue_cert(*here), "foreign"),
        "for another name": write(ours.issue_cert("chat.example"), "mismatched"),
    }
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    server.load_cert_chain(*files)
    return Certificates(directory, server, ssl.create_default_context(cafile=directory / "ca.pem"), bad)
