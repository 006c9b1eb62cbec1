"""What lab 10 is given: an eye on each hash, a door with a script, and the other end of a handshake.

Runs in the student's process, with the standard library alone.
"""

import hashlib
import hmac
import queue
import secrets
import ssl
import sys
import threading
import time

STUDENTS_MODULE = "lab10_who_are_you"
real_scrypt = hashlib.scrypt
real_compare = hmac.compare_digest


def students():
    return sys.modules[STUDENTS_MODULE]


def replace(real, stand_in, *modules):
    """Put a function in the place of another, also where the student's file has imported it by name."""
    name = real.__name__.lstrip("_")
    for module in modules:
        setattr(module, name, stand_in)
    for known_as, value in list(vars(students()).items()):
        if value is real:
            setattr(students(), known_as, stand_in)


def is_true(value):
    """Return what a call returned if it is True or False, else what it is."""
    return value if type(value) is bool else f"a {type(value).__name__}, and neither True nor False"


# ---- passwords ---------------------------------------------------------------------------------------


def hash_password(password, cost=None):
    """Call the student's, with a cost that is of their own kind."""
    if cost is None:
        return students().hash_password(password)
    return students().hash_password(password, students().Cost(*cost))


def verify(record, password):
    return is_true(students().verify(record, password))


def needs_rehash(record, cost=None):
    if cost is None:
        return is_true(students().needs_rehash(record))
    return is_true(students().needs_rehash(record, students().Cost(*cost)))


class Compares:
    """Notes how long the two are that compare_digest is called with."""

    def __init__(self):
        self.lengths = []
        replace(real_compare, self.compare, hmac, secrets)

    def compare(self, one, other):
        self.lengths.append([len(one), len(other)])
        return real_compare(one, other)

    def all(self):
        return list(self.lengths)


class Hashes:
    """Notes at which cost each hash is computed. When `is_one` is set, all of them come to the same."""

    def __init__(self):
        self.costs = []
        self.is_one = False
        replace(real_scrypt, self.scrypt, hashlib)

    def all_are_one(self):
        self.is_one = True

    def scrypt(self, password, *, salt, n, r, p, maxmem=0, dklen=64):
        self.costs.append([n, r, p])
        if self.is_one:
            return b"\x01" * dklen
        return real_scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=maxmem, dklen=dklen)

    def of(self, call, *arguments):
        """Make a call; return what it returned, and the costs of what was hashed in it."""
        before = len(self.costs)
        came = is_true(call(*arguments))
        return [came, self.costs[before:]]


# ---- accounts ----------------------------------------------------------------------------------------


class Desk:
    """Accounts of the student's, and the records that they keep."""

    def __init__(self, records, cost):
        self.book = dict(records)
        self.accounts = students().Accounts(self.book, students().Cost(*cost))

    def call(self, method, *arguments):
        return is_true(getattr(self.accounts, method)(*arguments))

    def records(self):
        return dict(self.book)

    def costs_of(self, hashes, method, *arguments):
        return hashes.of(getattr(self.accounts, method), *arguments)


class Meeting:
    """Each hash of somebody's call takes long, and meanwhile another thread asks for something that needs none."""

    PATIENCE_SECONDS = 5.0
    CALL_SECONDS = 20.0

    def __init__(self, records, cost):
        self.gates = queue.Queue()  # of each hash that waits to be computed
        self.desk = Desk(records, cost)
        replace(real_scrypt, self.scrypt, hashlib)

    def scrypt(self, *arguments, **keywords):
        gate = threading.Event()
        self.gates.put(gate)
        gate.wait(30.0)
        return real_scrypt(*arguments, **keywords)

    def take_place(self, method, *arguments):
        """Return what the call came to, what has() said during each of its hashes, and whether it had to wait."""
        came, said = {}, []

        def call():
            try:
                came["value"] = self.desk.call(method, *arguments)
            except NotImplementedError as error:
                came["stub"] = str(error)
            except Exception as error:
                came["value"] = f"{type(error).__name__}: {error}"

        def ask():
            try:
                said.append(self.desk.call("has", "nobody at all"))
            except Exception as error:
                said.append(f"{type(error).__name__}: {error}")

        hashing, had_to_wait = threading.Thread(target=call, daemon=True), False
        deadline = time.monotonic() + self.CALL_SECONDS
        hashing.start()
        while hashing.is_alive() and time.monotonic() < deadline:
            try:
                gate = self.gates.get(timeout=0.01)
            except queue.Empty:
                continue
            if not had_to_wait:
                asking = threading.Thread(target=ask, daemon=True)
                asking.start()
                asking.join(self.PATIENCE_SECONDS)
                had_to_wait = asking.is_alive()
            gate.set()
        if "stub" in came:
            raise NotImplementedError(came["stub"])
        return [came.get("value", "(it has not come back)"), list(said), had_to_wait]


# ---- accounts, in orders that the judge chooses --------------------------------------------------------


class Bank:
    """Accounts of the student's module; afterwards it is asked who has which password."""

    def __init__(self, module, records, cost, candidates):
        self.book = dict(records)
        self.candidates = candidates
        self.accounts = module.Accounts(self.book, module.Cost(*cost))

    def register(self, *arguments):
        return is_true(self.accounts.register(*arguments))

    def login(self, *arguments):
        return is_true(self.accounts.login(*arguments))

    def change(self, *arguments):
        return is_true(self.accounts.change(*arguments))

    def unregister(self, *arguments):
        return is_true(self.accounts.unregister(*arguments))

    def passwords(self):
        """Return which of the candidates is the password of each name, as the records say."""
        return {name: [one for one in self.candidates if fits(record, one)] for name, record in self.book.items()}


def fits(record, password):
    try:
        _, n, r, p, salt, hashed = record.split("$")
        salt = bytes.fromhex(salt)
        again = real_scrypt(password.encode(), salt=salt, n=int(n), r=int(r), p=int(p), maxmem=2**26, dklen=32)
        return again.hex() == hashed
    except (ValueError, AttributeError):
        return False


class Counter:
    """Tries of the student's module, at a time that stands still."""

    def __init__(self, module):
        self.tries = module.Tries(lambda: 1000.0)

    def failed(self, name, times):
        for _ in range(times):
            self.tries.failed(name)

    def wait(self, name):
        return self.tries.wait_seconds(name)


# ---- the door ----------------------------------------------------------------------------------------


class Waiting:
    """Tries of the student's, and a clock that the judge moves."""

    def __init__(self, begin):
        self.seconds = begin
        self.tries = students().Tries(lambda: self.seconds)

    def moves_on(self, seconds):
        self.seconds += seconds

    def failed(self, name, times=1):
        for _ in range(times):
            self.tries.failed(name)

    def succeeded(self, name):
        self.tries.succeeded(name)

    def wait(self, name):
        return self.tries.wait_seconds(name)


class Door:
    """Somebody at the door whose answers are known; None is the end of their connection."""

    def __init__(self, answers, passwords, waits):
        self.answers = list(answers)
        self.passwords = dict(passwords)
        self.waits = dict(waits)
        self.said = []
        self.noted = []

    def ask(self, line):
        self.said.append(line)
        return self.answers.pop(0) if self.answers else None

    def tell(self, line):
        self.said.append(line)

    # What the student takes for Accounts, and for Tries.

    def has(self, name):
        return name.casefold() in self.passwords

    def login(self, name, password):
        self.noted.append(f"login {name}")
        return self.passwords.get(name.casefold()) == password

    def wait_seconds(self, name):
        return self.waits.get(name.casefold(), 0)

    def failed(self, name):
        self.noted.append(f"failed {name}")

    def succeeded(self, name):
        self.noted.append(f"succeeded {name}")

    def opens(self):
        """Return what let_in returns, what the other end read, and what accounts and tries were told."""
        came = students().let_in(self, self, self.ask, self.tell)
        return [came, self.said, self.noted]


# ---- TLS ---------------------------------------------------------------------------------------------


def written(name, text):
    """Write a file that the student's code is to read; return its path."""
    with open(name, "w", encoding="ascii") as file:
        file.write(text)
    return name


def facts(context):
    """Return what an SSLContext asks for."""
    if not isinstance(context, ssl.SSLContext):
        return f"a {type(context).__name__}"
    return {
        "TLS 1.2 or newer": context.minimum_version >= ssl.TLSVersion.TLSv1_2,
        "certificate wanted": context.verify_mode == ssl.CERT_REQUIRED,
        "host name checked": context.check_hostname,
        "trusted": len(context.get_ca_certs()),
    }


def trusting(ca):
    """Return a context for a client that trusts this one, and is in order."""
    return ssl.create_default_context(cafile=ca)


def showing(cert, key):
    """Return a context for a server, in order."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def answer_over_tls(context, connection):
    """Be a server that says one line over TLS, with the student's context."""
    connection.settimeout(15.0)
    try:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.sendall(b"hello\n")
            tls.recv(1)
    except OSError:
        pass  # the other end sees it


def ask_over_tls(context, connection, hostname):
    """Be a client with the student's context; return "" or, in words, why the certificate was refused."""
    connection.settimeout(15.0)
    try:
        with context.wrap_socket(connection, server_hostname=hostname) as tls:
            tls.sendall(b"hello\n")
            tls.recv(1)  # until the other end has read it
        return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except OSError as error:
        return f"{type(error).__name__}"


class Visitor:
    """Connects with the student's connect_tls, and keeps the connection."""

    def __init__(self):
        self.connection = None

    def come(self, address, hostname, context, *timeout_seconds):
        """Say hello over the connection and return its time limit; or return what was raised, if that may be."""
        try:
            self.connection = students().connect_tls(tuple(address), hostname, context, *timeout_seconds)
        except (students().NotTheServer, TimeoutError) as error:
            return {"raised": type(error).__name__, "text": str(error)}
        limit = self.connection.gettimeout()
        self.connection.sendall(b"hello\n")
        return limit


class Handler:
    """Is called with each connection that is left, by the student's over_tls."""

    def __init__(self, raising=""):
        self.raising = raising
        self.calls = []

    def function(self, context, *timeout_seconds):
        return students().over_tls(self.handle, context, *timeout_seconds)

    def handle(self, connection):
        self.calls.append(type(connection).__name__)
        if self.raising:
            raise {"KeyError": KeyError, "OSError": OSError}[self.raising]("the handler's own error")
        limit = connection.gettimeout()
        line = connection.recv(100)
        connection.sendall(b"limit %s, line %s" % (str(limit).encode(), line))

    def all(self):
        return list(self.calls)
