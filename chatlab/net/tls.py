"""TLS for the servers and the client (P34): a socket that encrypts what goes through it, and how it is set up.

Knows nothing of lines and nothing of chat. It is imported only where somebody uses TLS: to load `ssl` takes time.

Python's own SSLSocket is not used here, for three reasons. Two threads that use one at one moment can crash
Python (CPython issue 143756), and the server with threads reads in one and writes in another. One that does not
wait in send would have to be offered the same bytes again, and not more of them. And it keeps bytes
that it has decrypted to itself, where no selector sees them. So TLS is done in memory (`ssl.SSLObject`), and
what goes in and out of it passes over a socket in the ordinary way.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading

from .errors import TlsFailed
from .sockets import send_now

# What is encrypted at a time: the most that one record of TLS may hold (RFC 8446, 5.1).
_PIECE_BYTES = 16 * 1024

# What may wait here to be sent: the record that is under way, and the answers to what came meanwhile. Only a
# peer that asks for new keys on and on, and reads nothing, gets over it.
_UNSENT_LIMIT_BYTES = 128 * 1024

# The first byte of every stream of TLS, in both directions: a record of the handshake, or an alert.
_FIRST_BYTES = (0x16, 0x15)

_CUT = "the connection was cut: it ended without TLS saying so"
_CUT_EARLY = "the connection ended before TLS was agreed on"


class TlsSocket:
    """A socket that encrypts. It stands in for the connected one that it is given, and closes that with itself.

    `_lock` guards the TLS in memory and what it has made that is not sent yet: one thread at a time. Nothing
    waits while it is held.

    Call `shake_hands` until it returns True, and then `recv` and `send`. Each error is an OSError: TlsFailed for
    one of TLS, and else that of the socket below.
    """

    def __init__(
        self, raw: socket.socket, context: ssl.SSLContext, *, server_side: bool = False, server_name: str | None = None
    ) -> None:
        """Raise ValueError for a server's name that cannot be one."""
        #: The socket below. Only what is encrypted goes through it.
        self.raw = raw
        self._server_name = server_name or ""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_name)
        self._lock = threading.Lock()
        self._has_heard = False
        self._is_ready = False  # the handshake is over
        self._plain = b""  # has come, and was not asked for yet
        self._end: TlsFailed | bool = False  # True: the other end has said that it says nothing more
        self._unsent = b""  # encrypted, and not taken by the socket below yet
        self._begins_inside = False  # the first byte that we are offered next stands in a record already
        self._has_said_end = False

    # ---- the handshake -------------------------------------------------------------------------

    def shake_hands(self, chunk: bytes | None = None) -> bool:
        """Take the handshake on with what has come through the socket below; return whether it is over.

        A client begins it with a call without anything. Never waits; `has_unsent` says if `flush` is needed, too.
        Raise TlsFailed when it fails, and OSError when the connection does.
        """
        with self._lock:
            if chunk == b"":
                raise TlsFailed(_CUT_EARLY, heals=True)
            if chunk:
                if not self._has_heard and chunk[0] not in _FIRST_BYTES:
                    raise TlsFailed("the other end does not speak TLS", is_plain=True)
                self._has_heard = True
                self._incoming.write(chunk)
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush_locked()
                return False
            except ssl.SSLError as error:
                try:
                    self._flush_locked()  # the alert, which tells the other end why
                except OSError:
                    pass  # it is gone, and does not want to know
                raise TlsFailed(_why_no_handshake(error, self._server_name)) from error
            self._is_ready = True
            self._read_locked()  # what was said at once, and came together with the end of the handshake
            self._flush_locked()
            return True

    def flush(self) -> None:
        """Send what the socket below takes now of what is encrypted already."""
        with self._lock:
            self._flush_locked()

    @property
    def has_unsent(self) -> bool:
        """Whether something that is encrypted waits for the socket below."""
        return bool(self._unsent)

    # ---- reading -------------------------------------------------------------------------------

    @property
    def has_more(self) -> bool:
        """Whether recv has something to return for which nothing more need come: no selector knows of that."""
        return bool(self._plain or self._end)

    def recv(self, size_bytes: int) -> bytes:
        """Return all that is there once it is decrypted; b"" when the other end has said that it ends.

        Waits like the socket below, and raises BlockingIOError like it, also if no whole record has come.
        `size_bytes` is how much is taken from that one. Raise TlsFailed if the stream was cut (RFC 8446, 6.1).
        """
        while True:
            with self._lock:
                if self.has_more:
                    return self._take_plain_locked()
            chunk = self.raw.recv(size_bytes)  # without the lock: this is where a thread waits
            with self._lock:
                self._incoming.write(chunk)
                self._read_locked()
                if not chunk and not self._end:
                    self._end = TlsFailed(_CUT, heals=True)
                if not self.has_more and not self.raw.getblocking():
                    raise BlockingIOError(errno.EAGAIN, "no whole record of TLS has come yet")

    def _take_plain_locked(self) -> bytes:
        plain, self._plain = self._plain, b""
        if not plain and isinstance(self._end, TlsFailed):
            raise self._end
        return plain

    def _read_locked(self) -> None:
        """Decrypt all that has come, so that nothing stays behind in TLS; send what that asks to be answered."""
        pieces = [self._plain]
        try:
            while piece := self._tls.read(_PIECE_BYTES):
                pieces.append(piece)
            self._end = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._end = True
        except ssl.SSLError as error:
            self._end = TlsFailed(f"TLS failed: {_reason(error)}", heals=True)
        self._plain = b"".join(pieces)
        try:
            self._flush_locked()
        except OSError:
            pass  # recv will tell, too
        if len(self._unsent) > _UNSENT_LIMIT_BYTES:
            self._end = TlsFailed("the other end asks for new keys on and on, and does not read", heals=True)

    # ---- writing -------------------------------------------------------------------------------

    def send(self, block: bytes, flags: int = 0) -> int:
        """Encrypt and send as much as the socket below takes at once; return how many bytes of the block that was.

        Never waits, whatever the flags say. Whoever gets a lower count offers the rest again, as with any
        socket; more may stand behind it by then. Of a record that is half sent the last byte is not counted until
        all of it has gone: so there is always a rest to be offered as long as something waits in here.

        The rest of a half-sent line must not be thrown away (Outbox.clear and the client keep it), and that byte is
        always in one: blocks are of whole lines of two bytes and more, and no record ends with the first of one.
        """
        with self._lock:
            if self._has_said_end:
                raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
            if not (self._is_ready and block and self._flush_locked()):
                return 0
            sent_bytes, self._begins_inside = int(self._begins_inside), False
            while sent_bytes < len(block):
                piece = block[sent_bytes : sent_bytes + _PIECE_BYTES]
                if piece[-2:-1] == b"\n":
                    piece = piece[:-1]
                try:
                    self._tls.write(piece)
                except ssl.SSLError as error:
                    raise TlsFailed(f"TLS failed: {_reason(error)}", heals=True) from error
                sent_bytes += len(piece)
                if not self._flush_locked():
                    self._begins_inside = True
                    return sent_bytes - 1
            return sent_bytes

    def _flush_locked(self) -> bool:
        """Send what waits, without waiting; return whether that was all."""
        if self._outgoing.pending:
            self._unsent += self._outgoing.read()
        if self._unsent:
            self._unsent = self._unsent[send_now(self.raw, self._unsent) :]
        return not self._unsent

    # ---- the end -------------------------------------------------------------------------------

    def shutdown(self, how: int) -> None:
        """Say that nothing more comes (close_notify), if our own direction is ended, and shut the socket below.

        Where something waits to be sent still, the other end takes the stream for cut, as it is.
        """
        if how != socket.SHUT_RD:
            with self._lock:
                self._say_end_locked()
        self.raw.shutdown(how)

    def _say_end_locked(self) -> None:
        if not self._is_ready or self._has_said_end:
            return
        self._has_said_end = True
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # it would also wait for the other end to say the same, and nobody here does
        try:
            self._flush_locked()
        except OSError:
            pass  # nobody is there any more to whom it could be said

    def close(self) -> None:
        """Say that nothing more comes, if that was not said, and close the socket below. Twice is fine."""
        with self._lock:
            self._say_end_locked()
        self.raw.close()

    def __enter__(self) -> TlsSocket:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- what TLS has no part in ---------------------------------------------------------------

    def fileno(self) -> int:
        """The descriptor of the socket below, for a selector; -1 when it is closed."""
        return self.raw.fileno()

    def setblocking(self, waits: bool) -> None:
        """Say whether recv waits."""
        self.raw.setblocking(waits)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option of the socket below."""
        self.raw.setsockopt(level, option, value)

    def getsockopt(self, level: int, option: int) -> int:
        """Return an option of the socket below."""
        return self.raw.getsockopt(level, option)

    def getsockname(self) -> tuple:
        """Return our address."""
        return self.raw.getsockname()

    def getpeername(self) -> tuple:
        """Return the address of the other end."""
        return self.raw.getpeername()


# ---- how it is set up ------------------------------------------------------------------------------


def server_context(cert_file: str, key_file: str) -> ssl.SSLContext:
    """Return how a server with this certificate and this key speaks TLS. Raise TlsFailed, with one sentence."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0  # nobody resumes a session here
    for file in (cert_file, key_file):
        _try_to_read(file)
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsFailed(f"the key in {key_file} does not belong to the certificate in {cert_file}") from error
        raise TlsFailed(f"{cert_file} and {key_file} are not a certificate and its key, both as PEM") from error
    except _Encrypted:
        raise TlsFailed(
            f"the key in {key_file} is encrypted, and nobody is there to type its password:"
            " write it without one, readable by you alone"
        ) from None
    return context


def client_context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return how a client speaks TLS: with a server whose certificate and host name are right, and with no other.

    `ca_file`: whose certificates are trusted, instead of those that this system trusts. There is no way to leave
    the checks out. Raise TlsFailed, with one sentence.
    """
    if ca_file is not None:
        _try_to_read(ca_file)
    try:
        context = ssl.create_default_context(cafile=ca_file)  # it checks the certificate and the host name
    except ssl.SSLError as error:
        raise TlsFailed(f"{ca_file} holds no certificate as PEM") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


class _Encrypted(Exception):
    """A key wants a password."""


def _no_password() -> str:
    # Without this OpenSSL would ask in the terminal, and a server in the background would wait for ever.
    raise _Encrypted


def _try_to_read(file: str) -> None:
    """Raise TlsFailed if a file cannot be read: `ssl` would not say which one."""
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise TlsFailed(f"{file}: {error.strerror}") from error


# ---- what went wrong -------------------------------------------------------------------------------


def _reason(error: ssl.SSLError) -> str:
    """Return OpenSSL's own words: `tlsv1 alert unknown ca`."""
    return (error.reason or error.strerror or type(error).__name__).lower().replace("_", " ")


# How OpenSSL numbers what can be wrong with a certificate (x509_vfy.h); `ssl` has no names for it.
_NOT_YET_VALID, _EXPIRED = 9, 10
_FOREIGN = (2, 18, 19, 20, 21)
_FOR_ANOTHER_NAME = (62, 64)


def _why_no_handshake(error: ssl.SSLError, server_name: str) -> str:
    """Return what went wrong, as a sentence that says what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _why_not_trusted(error, server_name)
    reason = _reason(error)
    if "protocol" in reason or "version" in reason:
        return f"the two ends have no version of TLS in common, from 1.2 on: {reason}"
    if "alert" in reason and ("certificate" in reason or "unknown ca" in reason):
        return f"the other end does not trust our certificate: {reason}"
    return f"the TLS handshake failed: {reason}"


def _why_not_trusted(error: ssl.SSLCertVerificationError, server_name: str) -> str:
    if error.verify_code == _EXPIRED:
        return "the server's certificate has expired: it needs a new one, or the clock of this machine is wrong"
    if error.verify_code == _NOT_YET_VALID:
        return "the server's certificate is not valid yet: is the clock of this machine right?"
    if error.verify_code in _FOR_ANOTHER_NAME:
        return (
            f"the server's certificate is not for {server_name}, so somebody else may answer there:"
            " join with the host name that it was made for"
        )
    if error.verify_code in _FOREIGN:
        return (
            "nobody whom we trust has signed the server's certificate, so somebody else may answer there:"
            " join with --ca and the ca.pem of this server"
        )
    return f"the server's certificate is not good: {error.verify_message}"
