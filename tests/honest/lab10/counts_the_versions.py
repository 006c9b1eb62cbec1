"""Each record has a version, which is looked at once more before anything is changed; the handshake is on its own."""

import math
import os
import socket
import ssl
from collections import namedtuple
from hashlib import scrypt
from secrets import compare_digest
from threading import RLock

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


def check_password(password):
    data = password.encode("utf-8")
    if not (LEAST_BYTES <= len(data) and len(data) <= MOST_BYTES):
        raise ValueError("Too long." if len(data) > MOST_BYTES else "Too short.")


def _hash(password, salt, n, r, p):
    data = bytes(password, "utf-8")
    return scrypt(data, salt=salt, n=n, r=r, p=p, maxmem=1 << 30, dklen=HASH_BYTES)


def hash_password(password, cost=COST):
    salt = os.urandom(SALT_BYTES)
    digest = _hash(password, salt, *cost)
    return "scrypt$%d$%d$%d$%s$%s" % (*cost, salt.hex(), digest.hex())


def verify(record, password):
    fields = record.split("$")
    n, r, p = (int(field) for field in fields[1:4])
    digest = _hash(password, bytes.fromhex(fields[4]), n, r, p)
    return compare_digest(digest.hex(), fields[5])


def needs_rehash(record, cost=COST):
    return not record.startswith("scrypt$%d$%d$%d$" % cost)


class Accounts:
    def __init__(self, records, cost=COST):
        self.records = records
        self.cost = cost
        self.versions = {}
        self.lock = RLock()
        self.decoy = hash_password(os.urandom(20).hex(), cost)

    def has(self, name):
        with self.lock:
            return name.casefold() in self.records

    def _look(self, key):
        with self.lock:
            return self.records.get(key), self.versions.get(key, 0)

    def _put(self, key, version, record):
        with self.lock:
            if self.versions.get(key, 0) != version:
                return False
            self.versions[key] = version + 1
            if record is None:
                self.records.pop(key)
            else:
                self.records[key] = record
            return True

    def register(self, name, password):
        check_password(password)
        key = name.casefold()
        record = hash_password(password, self.cost)
        while True:
            known, version = self._look(key)
            if known is not None:
                return False
            if self._put(key, version, record):
                return True

    def login(self, name, password):
        key = name.casefold()
        record, version = self._look(key)
        if record is None:
            verify(self.decoy, password)
            return False
        if not verify(record, password):
            return False
        if needs_rehash(record, self.cost):
            self._put(key, version, hash_password(password, self.cost))
        return True

    def change(self, name, old, new):
        check_password(new)
        key = name.casefold()
        while True:
            record, version = self._look(key)
            if record is None or not verify(record, old):
                return False
            if self._put(key, version, hash_password(new, self.cost)):
                return True

    def unregister(self, name, password):
        key = name.casefold()
        while True:
            record, version = self._look(key)
            if record is None or not verify(record, password):
                return False
            if self._put(key, version, None):
                return True


class Tries:
    def __init__(self, now):
        self.now = now
        self.lock = RLock()
        self.counts = {}
        self.last = {}

    def failed(self, name):
        key = name.casefold()
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + 1
            self.last[key] = self.now()

    def succeeded(self, name):
        key = name.casefold()
        with self.lock:
            self.counts.pop(key, None)
            self.last.pop(key, None)

    def wait_seconds(self, name):
        key = name.casefold()
        with self.lock:
            count = self.counts.get(key, 0)
            if count < FREE_TRIES:
                return 0
            wait = 1
            for _ in range(min(count - FREE_TRIES, 10)):
                wait *= 2
            wait = min(wait, MOST_WAIT_SECONDS)
            return max(0.0, self.last[key] + wait - self.now())


def let_in(accounts, tries, ask, tell):
    tried = 0
    while tried < TRIES_AT_THE_DOOR:
        tried += 1
        name = ask("* What is your name?")
        if name is None:
            return
        password = ask("* Password for " + name + "?")
        if password is None:
            return
        seconds = tries.wait_seconds(name)
        if seconds > 0:
            tell("! Too many tries. Wait %d s." % math.ceil(seconds))
            continue
        if not accounts.login(name, password):
            tries.failed(name)
            tell("! Name or password is wrong.")
            continue
        tries.succeeded(name)
        tell("* Welcome, " + name + ".")
        return name
    tell("* Goodbye.")


def for_log(text):
    if text[:1] != "/" or text[:2] == "//":
        return text
    blank = text.find(" ")
    if blank < 0:
        return text
    if text[1:blank].lower() in HARMLESS:
        return text
    if set(text[blank:]) == {" "}:
        return text
    return text[:blank] + " ****"


def server_context(cert, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certfile=cert, keyfile=key)
    return context


def client_context(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cafile=ca)
    return context


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    plain = socket.create_connection(address, timeout=timeout_seconds)
    tls = context.wrap_socket(plain, server_hostname=hostname, do_handshake_on_connect=False)
    try:
        tls.do_handshake()
        tls.settimeout(None)
        return tls
    except Exception as error:
        tls.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            if error.verify_code == CODE_EXPIRED:
                raise NotTheServer(f"{hostname}: {EXPIRED}")
            if error.verify_code == CODE_OTHER_NAME:
                raise NotTheServer(f"{hostname}: {OTHER_NAME}")
            raise NotTheServer(f"{hostname}: {FOREIGN}")
        if isinstance(error, ssl.SSLError):
            raise NotTheServer(f"{hostname}: {NO_TLS}")
        raise


def over_tls(handle, context, timeout_seconds=10.0):
    def handle_tls(connection):
        connection.settimeout(timeout_seconds)
        tls = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            try:
                tls.do_handshake()
            except (ssl.SSLError, OSError):
                return
            tls.settimeout(None)
            handle(tls)
        finally:
            tls.close()

    return handle_tls
