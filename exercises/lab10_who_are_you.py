"""Lab 10: who are you? How does a server know ana again, and ana the server, and what does everybody else see?

Functions and two classes. Complete them from top to bottom. The notebook 10_who_are_you.ipynb shows what they
are for, and this shows where you stand:

    python3 -m chatlab check lab10

First come passwords, of which nothing is stored that somebody could steal. Then a table of accounts for many
threads, and a door at which members say who they are. At last TLS, so that nobody on the way reads the password.
"""

import hashlib
import hmac
import secrets
import socket
import ssl
import threading
from collections import namedtuple

# What a password is from: so many bytes of UTF-8, and not characters.
LEAST_BYTES = 8
MOST_BYTES = 1024

# What a hash costs: n and r say how much memory it takes, and all three how much time. OWASP advises this one.
Cost = namedtuple("Cost", "n r p")
COST = Cost(2**15, 8, 3)

SALT_BYTES = 16
HASH_BYTES = 32

FREE_TRIES = 3
MOST_WAIT_SECONDS = 60
TRIES_AT_THE_DOOR = 3

# The words of commands whose argument may stand in a log. That of all others may not.
HARMLESS = ("help", "users", "history", "nick", "ping")

# Why a server is not the one that was meant.
OTHER_NAME = "its certificate is for another name"
EXPIRED = "its certificate has expired"
FOREIGN = "its certificate is signed by nobody whom you trust"
NO_TLS = "it does not speak TLS"

# What `error.verify_code` is, for an ssl.SSLCertVerificationError.
CODE_EXPIRED = 10
CODE_OTHER_NAME = 62


class NotTheServer(Exception):
    """Somebody has answered, and it is not the server that was meant. The text is one sentence that says why."""


# ---- passwords ---------------------------------------------------------------------------------------


def check_password(password):
    """Raise ValueError if a password has less than LEAST_BYTES or more than MOST_BYTES bytes in UTF-8.

    The error says what is wrong. It never holds the password or a part of it: an error ends in a log.
    """
    raise NotImplementedError("10.1: not too short, not too long")


def hash_password(password, cost=COST):
    """Return a record of a password, from which nobody gets it back: a string of six parts with `$` between them.

        scrypt$32768$8$3$4a1f...$9c02...     the word scrypt; n, r and p of the cost; the salt and the hash, in hex

    The salt is SALT_BYTES random bytes, others for each record. The hash is what hashlib.scrypt makes, HASH_BYTES
    long. It takes a little more than 128 * n * r bytes of memory, and refuses if that is more than its `maxmem`:
    give it twice as much.
    """
    raise NotImplementedError("10.2: salt it and hash it")


def verify(record, password):
    """Return whether this is the password of a record: True or False.

    The record says itself with which salt and at which cost it was made. The two hashes are compared by
    hmac.compare_digest, whose time says nothing about where they differ.
    """
    raise NotImplementedError("10.3: hash it in the same way, and compare")


def needs_rehash(record, cost=COST):
    """Return whether a record was made at another cost than this one: True or False."""
    raise NotImplementedError("10.5: read the cost")


# ---- accounts ----------------------------------------------------------------------------------------


class Accounts:
    """Who has an account, for all threads.

    - `Accounts(records, cost)`: `records` is a dict from a name to the record of its password. It is read and
      changed, so whoever has made it can keep it in a file. All new records are made at `cost`.
    - Names are compared, and are keys of `records`, after casefold: `Ana` and `ana` have one account.
    - All methods may be called from any thread, by many at one moment. What comes of it is always what would come
      if they were called one after the other.
    - `has(name)` says whether somebody has an account of this name: True or False.
    - While a hash is computed no lock is held: it takes so long that all others would wait.
    - A password that is to be stored goes through check_password first, and its ValueError comes through.
    """

    def __init__(self, records, cost=COST):
        raise NotImplementedError("10.6: the records and what guards them, and write has()")

    def register(self, name, password):
        """Make an account; return True, or False if the name has one already. That one stays as it is."""
        raise NotImplementedError("10.7: if the name is free")

    def login(self, name, password):
        """Return whether this is the password of this name: True or False.

        If there is no account of the name, just as much is hashed as for a wrong password. A record that was made
        at another cost is made anew when its owner logs in: only then the password is at hand.
        """
        raise NotImplementedError("10.8: verify, also if there is nobody")

    def change(self, name, old, new):
        """Put a new password in the place of the old one; return False, and change nothing, if the old one is wrong."""
        raise NotImplementedError("10.10: who knows the old one")

    def unregister(self, name, password):
        """End an account; return False, and change nothing, if the password is wrong."""
        raise NotImplementedError("10.11: who knows the password")


# ---- the door ----------------------------------------------------------------------------------------


class Tries:
    """How long somebody has to wait before they may try the next password. It is never for good.

    - `Tries(now)`: `now()` returns the time in seconds, from a beginning that nobody knows.
    - `failed(name)` counts one more failure, at this moment. `succeeded(name)` forgets the failures of a name.
    - `wait_seconds(name)` returns how long it still takes until this name may try: 0 if it may now.
    - The first FREE_TRIES - 1 failures in a row cost nothing. After the next one, 1 second has to pass until the
      next try, and after each one that follows twice as long as before: 2, 4, 8, at most MOST_WAIT_SECONDS.
    - Names are compared after casefold, and each is counted for itself, with an account or without.
    - All methods may be called from any thread, by many at one moment.
    """

    def __init__(self, now):
        raise NotImplementedError("10.14: count, and write wait_seconds(), failed() and succeeded()")


def let_in(accounts, tries, ask, tell):
    """Ask somebody who they are, until it is certain; return their name as they wrote it, or None.

    `ask(line)` sends a line and returns the one that answers it, None if the connection has ended: then nothing
    more is said. `tell(line)` sends a line. One try is this, for whatever name:

    - ask `* What is your name?`, and then `* Password for ana?`, with the name as it was written
    - if `tries` says that this name has to wait, tell `! Too many tries. Wait 3 s.`, in whole seconds, rounded up,
      and look at no password
    - if the password is right, tell `* Welcome, ana.` and return the name
    - else tell `! Name or password is wrong.`, the same line whichever it is

    `tries` is told of each success and each failure; who had to wait is neither. After TRIES_AT_THE_DOOR tries
    tell `* Goodbye.`, and return None.
    """
    raise NotImplementedError("10.16: name, password, welcome")


def for_log(text):
    """Return what a log may hold of a line that a member has typed.

    A command begins with one slash, and its word ends at the first blank. If the word, in lower case, is none of
    HARMLESS, and anything but blanks comes behind it, the line is the word as it was typed and four stars:
    `/Register hunter22` is `/Register ****`. All other lines stay as they are, also those that begin with `//`.
    """
    raise NotImplementedError("10.17: what is allowed is named")


# ---- TLS ---------------------------------------------------------------------------------------------


def server_context(cert, key):
    """Return the ssl.SSLContext of a server: TLS 1.2 or newer, with the certificate and the key of these files."""
    raise NotImplementedError("10.18: who shows a certificate")


def client_context(ca):
    """Return the ssl.SSLContext of a client: TLS 1.2 or newer; the certificate and its name are checked.

    Trusted are certificates that were signed by the one in the file `ca`, and no others.
    """
    raise NotImplementedError("10.19: who checks it")


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    """Connect, make TLS of the connection, and return it: a socket without a time limit.

    `hostname` is whom the certificate must be for. Blocks for at most `timeout_seconds` for the connection and as
    much for the handshake, and raises TimeoutError then. If somebody answers who is not the server that was meant,
    raises NotTheServer with `hostname` and the reason: `localhost: its certificate has expired`. The reasons are
    OTHER_NAME, EXPIRED, FOREIGN (for everything else that is wrong with a certificate), and NO_TLS for every
    other ssl.SSLError. Whatever it raises, the connection is closed.
    """
    raise NotImplementedError("10.20: the handshake, and why it failed")


def over_tls(handle, context, timeout_seconds=10.0):
    """Return a function that a thread server can call in the place of `handle`, with a connection without TLS.

    It makes TLS of the connection, calls `handle` with that (a socket without a time limit), and closes it when
    `handle` has returned or raised; what that raises comes through. If the handshake fails, or is not done after
    `timeout_seconds`, it closes the connection and returns, and `handle` hears nothing of it.
    """
    raise NotImplementedError("10.22: first the handshake, in the client's own thread")
