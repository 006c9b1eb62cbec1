"""Small objects: a record is taken apart into one, a name's failures are another, and the handler is a class."""

import hashlib
import hmac
import re
import secrets
import socket
import ssl
import threading
from collections import defaultdict, namedtuple

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
    size = len(password.encode())
    reason = "too short" if size < LEAST_BYTES else "too long" if size > MOST_BYTES else None
    if reason is not None:
        raise ValueError(f"this password is {reason}")


RECORD = re.compile(r"scrypt\$(?P<n>\d+)\$(?P<r>\d+)\$(?P<p>\d+)\$(?P<salt>[0-9a-f]+)\$(?P<digest>[0-9a-f]+)")


class Parsed:
    def __init__(self, record):
        parts = RECORD.fullmatch(record).groupdict()
        self.cost = Cost(*(int(parts[key]) for key in "nrp"))
        self.salt = bytes.fromhex(parts["salt"])
        self.digest = bytes.fromhex(parts["digest"])


def digest(password, salt, cost):
    size = 128 * cost.n * cost.r
    return hashlib.scrypt(password.encode(), salt=salt, **cost._asdict(), maxmem=size + size, dklen=HASH_BYTES)


def hash_password(password, cost=COST):
    salt = secrets.token_hex(SALT_BYTES)
    fields = ["scrypt"] + [str(number) for number in cost] + [salt, digest(password, bytes.fromhex(salt), cost).hex()]
    return "$".join(fields)


def verify(record, password):
    parsed = Parsed(record)
    return hmac.compare_digest(parsed.digest, digest(password, parsed.salt, parsed.cost))


def needs_rehash(record, cost=COST):
    return Parsed(record).cost != cost


class Accounts:
    def __init__(self, records, cost=COST):
        self._lock = threading.Lock()
        self._records = records
        self._cost = cost
        self._decoy = None

    def has(self, name):
        self._lock.acquire()
        try:
            return name.casefold() in self._records
        finally:
            self._lock.release()

    def register(self, name, password):
        check_password(password)
        record = hash_password(password, self._cost)
        with self._lock:
            return self._records.setdefault(name.casefold(), record) is record

    def _current(self, name, password):
        with self._lock:
            record = self._records.get(name.casefold())
        if record is None:
            if self._decoy is None:  # made when it is needed first
                self._decoy = hash_password(secrets.token_urlsafe(), self._cost)
            verify(self._decoy, password)
        elif verify(record, password):
            return record
        return None

    def login(self, name, password):
        record = self._current(name, password)
        if record is None:
            return False
        if needs_rehash(record, self._cost):
            new = hash_password(password, self._cost)
            with self._lock:
                if self._records.get(name.casefold()) is record:
                    self._records[name.casefold()] = new
        return True

    def change(self, name, old, new):
        check_password(new)
        new_record = hash_password(new, self._cost)
        record = self._current(name, old)
        if record is None:
            return False
        with self._lock:
            if self._records.get(name.casefold()) is record:
                self._records[name.casefold()] = new_record
                return True
        return self.change(name, old, new)

    def unregister(self, name, password):
        record = self._current(name, password)
        if record is None:
            return False
        with self._lock:
            if self._records.get(name.casefold()) is record:
                del self._records[name.casefold()]
                return True
        return self.unregister(name, password)


class Failures:
    def __init__(self):
        self.count = 0
        self.until = None


class Tries:
    def __init__(self, now):
        self._now = now
        self._condition = threading.Condition()
        self._names = defaultdict(Failures)

    def wait_seconds(self, name):
        with self._condition:
            until = self._names[name.casefold()].until
        if until is None:
            return 0
        left = until - self._now()
        return left if left > 0 else 0

    def failed(self, name):
        with self._condition:
            failures = self._names[name.casefold()]
            failures.count += 1
            if failures.count >= FREE_TRIES:
                wait = min(2 ** min(failures.count - FREE_TRIES, 20), MOST_WAIT_SECONDS)
                failures.until = self._now() + wait

    def succeeded(self, name):
        with self._condition:
            self._names[name.casefold()] = Failures()


class Left(Exception):
    pass


def let_in(accounts, tries, ask, tell):
    def must_ask(line):
        answer = ask(line)
        if answer is None:
            raise Left
        return answer

    def one_try():
        name = must_ask("* What is your name?")
        password = must_ask(f"* Password for {name}?")
        wait = tries.wait_seconds(name)
        if wait > 0:
            whole = int(wait)
            tell(f"! Too many tries. Wait {whole if whole == wait else whole + 1} s.")
        elif accounts.login(name, password):
            tries.succeeded(name)
            tell(f"* Welcome, {name}.")
            return name
        else:
            tries.failed(name)
            tell("! Name or password is wrong.")
        return None

    try:
        for _ in range(TRIES_AT_THE_DOOR):
            name = one_try()
            if name is not None:
                return name
    except Left:
        return None
    tell("* Goodbye.")
    return None


def for_log(text):
    found = re.match(r"/(?!/)([^ ]*) +[^ ]", text)
    if found and found[1].lower() not in HARMLESS:
        return f"/{found[1]} ****"
    return text


def server_context(cert, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def client_context(ca):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with open(ca, encoding="ascii") as file:
        context.load_verify_locations(cadata=file.read())
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def connect_tls(address, hostname, context, timeout_seconds=10.0):
    with socket.create_connection(address, timeout_seconds) as connection:
        try:
            tls = context.wrap_socket(connection, server_side=False, server_hostname=hostname)
        except ssl.SSLError as error:
            code = getattr(error, "verify_code", None)
            if code is None:
                reason = NO_TLS
            else:
                reason = {CODE_EXPIRED: EXPIRED, CODE_OTHER_NAME: OTHER_NAME}.get(code, FOREIGN)
            raise NotTheServer(f"{hostname}: {reason}") from error
    tls.setblocking(True)
    return tls


class over_tls:
    def __init__(self, handle, context, timeout_seconds=10.0):
        self.handle = handle
        self.context = context
        self.timeout_seconds = timeout_seconds

    def __call__(self, connection):
        with connection:
            connection.settimeout(self.timeout_seconds)
            try:
                tls = self.context.wrap_socket(connection, server_side=True)
            except OSError:
                return
        try:
            tls.settimeout(None)
            self.handle(tls)
        finally:
            tls.close()
