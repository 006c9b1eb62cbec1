"""TLS: who is not let in and what they are told, who holds nobody up, and bytes that arrive whole."""

from __future__ import annotations

import logging
import os
import random
import re
import select
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from hashlib import sha256

import pytest
from person import Person

import chatlab.net.tls
from chatlab import ChatClient, ChatServer, cli
from chatlab.net import Backoff, Refused, SelectorChatServer
from chatlab.net.errors import TlsFailed, explain
from chatlab.net.outbox import Outbox
from chatlab.net.tls import TlsSocket, client_context, server_context

LOCAL = ("127.0.0.1", 0)
ENCRYPTED = "! This chat is encrypted: join with TLS, as `chatlab join --tls` does."
QUESTION_AND_WELCOME = (
    b"* What is your name?\n* Welcome, ana. Here now: nobody else. Type /help for commands, close to leave.\n"
)

pytestmark = pytest.mark.clause("P34")


@pytest.fixture(params=[ChatServer, SelectorChatServer], ids=["threads", "selectors"])
def engine(request):
    """Each kind of server."""
    return request.param


@pytest.fixture
def server(engine, tls):
    with engine(LOCAL, tls=tls) as server:
        yield server


@pytest.fixture
def client_tls(certificates):
    return client_context(certificates.ca_file)


@contextmanager
def bare(server):
    """A socket that is connected to a server, and no more."""
    with socket.create_connection(server.address, timeout=20) as sock:
        yield sock


def everything(sock) -> bytes:
    """All that comes until the other end ends the connection."""
    received = b""
    try:
        while chunk := sock.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def refusal(address, tls, **settings) -> str:
    """What a client is told who is refused, at once and without another attempt."""
    client = ChatClient("ana", address, tls=tls, **settings).start()
    refused, closed = client.events()
    assert (refused.kind, closed.kind) == ("refused", "closed")
    return refused.text


def hello(context: ssl.SSLContext) -> bytes:
    """The first bytes of a client that speaks TLS."""
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def wait_until(condition):
    """Wait for what no message announces; fail when it does not come."""
    deadline = time.monotonic() + Person.patience_seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


# ---- who is not let in -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, told, logged",
    [
        ("expired", "has expired", "does not trust our certificate: .*expired"),
        ("not yet valid", "is not valid yet", "does not trust our certificate"),
        ("foreign", "nobody whom we trust .* join with --ca", "does not trust our certificate: .*unknown ca"),
        ("for another name", "is not for 127.0.0.1", "does not trust our certificate"),
    ],
)
def test_a_certificate_that_is_not_good_refuses_the_server(
    engine, certificates, client_tls, caplog, kind, told, logged
):
    caplog.set_level(logging.INFO, "chatlab")
    with engine(LOCAL, tls=server_context(*certificates.bad[kind])) as server:
        assert re.search(told, refusal(server.address, client_tls))
        wait_until(lambda: re.search(rf"127\.0\.0\.1:\d+ is not let in: the other end {logged}", caplog.text))
        wait_until(lambda: not server.clients())
    assert "joined" not in caplog.text


def test_the_name_that_is_checked_can_be_another_than_that_of_the_address(engine, certificates, client_tls):
    with engine(LOCAL, tls=server_context(*certificates.bad["for another name"])) as server:
        with ChatClient("ana", server.address, tls=client_tls, server_hostname="chat.example") as ana:
            assert ana.is_connected
        with pytest.raises(Refused, match="is not for elsewhere.example"):
            with ChatClient("ana", server.address, tls=client_tls, server_hostname="elsewhere.example"):
                pass


def test_without_our_authority_nobody_trusts_us(server):
    assert "nobody whom we trust" in refusal(server.address, client_context())


def test_a_name_that_no_certificate_can_be_for_is_refused(server, client_tls):
    assert "no name that a certificate could be for" in refusal(server.address, client_tls, server_hostname=".x")


def test_who_speaks_plain_text_is_told_in_plain_text(server, caplog):
    caplog.set_level(logging.INFO, "chatlab")
    with Person(server.address, "bob") as bob:
        with bare(server) as plain:
            plain.sendall(b"ana\n")
            assert everything(plain).decode() == ENCRYPTED + "\n"
        assert bob.lines_so_far() == []
    assert "is not let in: the other end does not speak TLS" in caplog.text


def test_a_plain_client_speaks_first_when_the_server_does_not_and_is_told(server):
    assert refusal(server.address, None, connect_seconds=0.4) == ENCRYPTED.removeprefix("! ")


def test_a_plain_client_that_speaks_first_to_a_slow_plain_server_says_its_name_once():
    with socket.create_server(LOCAL) as listener:
        ana = ChatClient("ana", listener.getsockname(), connect_seconds=3).start()
        with listener.accept()[0] as slow, slow.makefile("rb") as lines:
            slow.settimeout(20)
            assert lines.readline() == b"ana\n"  # at half-time
            slow.sendall(QUESTION_AND_WELCOME)
            ana.wait_until_joined()
            threading.Thread(target=ana.close).start()
            assert lines.readline() == b"close\n"
    ana.close()


def test_a_client_that_speaks_tls_does_not_fall_back_where_nobody_else_does(engine, client_tls):
    with engine(LOCAL) as plain, Person(plain.address, "bob") as bob:
        assert "does not speak TLS" in refusal(plain.address, client_tls)
        assert bob.lines_so_far() == []


def test_a_full_server_hangs_up_without_a_plain_word(engine, tls, client_tls):
    with engine(LOCAL, tls=tls, client_limit=1) as server, Person(server.address, "bob") as bob:
        with bare(server) as late:
            assert everything(late) == b""
        ana = ChatClient("ana", server.address, tls=client_tls, backoff=Backoff(lambda: 0.01)).start()
        assert "it may be full" in ana.wait_for("retrying").reason or "reset" in ana.wait_for("retrying").reason
        bob.leave()
        ana.wait_for("joined", 20)
        ana.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_1_2_is_spoken_and_nothing_older(server, certificates, monkeypatch):
    context = ssl.create_default_context(cafile=certificates.ca_file)
    monkeypatch.setattr(Person, "tls", context)
    for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.maximum_version = newest
        with Person(server.address, "ana") as ana:
            assert ana.lines_so_far() == [] and ana.socket.version() == newest.name.replace("_", ".")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        Person(server.address)


def test_the_contexts_check_everything_and_take_nothing_old(certificates, client_tls, tls):
    assert client_tls.check_hostname and client_tls.verify_mode is ssl.CERT_REQUIRED
    for context in (client_tls, tls):
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_RENEGOTIATION


# ---- handshakes that do not end --------------------------------------------------------------


def test_silent_ones_hold_nobody_up(server):
    with bare(server), bare(server), Person(server.address, "ana") as ana:
        assert ana.lines_so_far() == [] and len(server.clients()) == 3
        server.stop()
        assert ana.rest() == ["* The server is stopping."]


@pytest.mark.clause("P9")
def test_who_is_silent_is_gone_at_the_deadline_for_a_name_and_hears_no_word(engine, tls, caplog):
    caplog.set_level(logging.INFO, "chatlab")
    with engine(LOCAL, tls=tls, naming_seconds=0.3, close_seconds=3600) as server:
        with Person(server.address, "bob") as bob, bare(server) as silent:
            assert everything(silent) == b""
            wait_until(lambda: len(server.clients()) == 1)
            assert bob.lines_so_far() == []
        assert re.findall("is not let in.*", caplog.text) == ["is not let in: TLS was not agreed on in time"]
        wait_until(lambda: not (server._naming_deadlines or server._closing_deadlines or server._connections))


@pytest.mark.clause("P9")
def test_a_handshake_that_drips_is_ended_at_the_deadline(engine, tls, certificates):
    with engine(LOCAL, tls=tls, naming_seconds=0.3, close_seconds=3600) as server, bare(server) as dripping:
        begun = time.monotonic()
        dripping.settimeout(0.02)
        received = None
        for byte in hello(certificates.client)[:-1]:
            try:
                dripping.send(bytes([byte]))
                received = dripping.recv(100)
                break
            except TimeoutError:
                continue
            except ConnectionError:
                received = b""
                break
        assert received == b"" and time.monotonic() - begun >= 0.29
        wait_until(lambda: not server.clients())


def test_a_handshake_that_comes_byte_by_byte_is_a_handshake(server, monkeypatch):
    class Dripping(socket.socket):
        def send(self, data, *flags):
            return super().send(data[:1], *flags)

    monkeypatch.setattr("person.socket.socket", Dripping)
    with Person(server.address) as ana:
        monkeypatch.undo()
        assert ana.line() == "* What is your name?"


def test_a_handshake_that_the_socket_takes_in_bits_comes_to_its_end(engine, certificates, monkeypatch):
    def send_a_little(sock, block):
        return sock.send(block[:100]) if random.random() < 0.8 else 0

    monkeypatch.setattr(chatlab.net.tls, "send_now", send_a_little)
    monkeypatch.setattr(Person, "tls", certificates.client)
    with engine(LOCAL, tls=server_context(*certificates.files)) as server, Person(server.address, "ana") as ana:
        assert ana.lines_so_far() == []


def test_a_name_that_comes_with_the_last_bytes_of_the_handshake_is_heard(server, certificates):
    with bare(server) as raw:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        end = certificates.client.wrap_bio(incoming, outgoing, server_hostname="localhost")
        while True:
            try:
                end.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))
        end.write(b"ana\nclose\n")
        raw.sendall(outgoing.read())
        incoming.write(everything(raw))
        received = b""
        while chunk := end.read(65536):
            received += chunk
        assert received.decode().splitlines()[-1] == "* Goodbye, ana."


def test_stop_does_not_wait_for_a_handshake(server, certificates):
    with bare(server) as silent, bare(server) as halfway:
        halfway.sendall(hello(certificates.client))
        assert halfway.recv(1)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 5
        assert everything(silent) == b""


def test_a_client_gives_up_a_handshake_in_time_and_at_close(client_tls):
    with socket.create_server(LOCAL) as listener:
        address = listener.getsockname()
        ana = ChatClient("ana", address, tls=client_tls, connect_seconds=0.2, backoff=Backoff(lambda: 0.01)).start()
        assert ana.wait_for("retrying").reason == "no answer came in time"
        ana.close()
        bob = ChatClient("bob", address, tls=client_tls, connect_seconds=3600).start()
        with listener.accept()[0] as connection:
            assert connection.recv(1)
            bob.close()
        assert [event.kind for event in bob.events()] == ["closed"]


def test_a_server_that_hangs_up_in_the_handshake_is_tried_again(client_tls):
    with socket.create_server(LOCAL) as listener:
        ana = ChatClient("ana", listener.getsockname(), tls=client_tls, backoff=Backoff(lambda: 0.01)).start()
        for _ in range(2):
            with listener.accept()[0] as connection:
                connection.recv(65536)
            assert "before TLS was agreed on" in ana.wait_for("retrying").reason
        ana.close()


# ---- the end of a stream ---------------------------------------------------------------------


@pytest.mark.clause("P3", "P25")
def test_a_stream_that_is_cut_loses_its_partial_line(server, caplog):
    caplog.set_level(logging.INFO, "chatlab")
    with Person(server.address, "bob") as bob, Person(server.address, "ana") as ana:
        ana.send_bytes(b"whole\nnot finished")
        ana.socket.raw.shutdown(socket.SHUT_WR)
        heard = ["* ana joined", "ana: whole", "* ana lost the connection"]
        assert bob.lines_until("* ana lost the connection") == heard
    wait_until(lambda: "ana is gone: the connection was cut: it ended without TLS saying so" in caplog.text)


@pytest.mark.clause("P25")
def test_who_says_that_it_ends_is_heard_before_tcp_says_so(server, caplog):
    caplog.set_level(logging.INFO, "chatlab")
    with Person(server.address, "bob") as bob, Person(server.address, "ana") as ana:
        ana.send("hello", "/ping last")
        ana.socket.say_end()
        heard = ["* ana joined", "ana: hello", "* ana lost the connection"]
        assert bob.lines_until("* ana lost the connection") == heard
        assert ana.rest() == ["* pong last"]
    wait_until(lambda: "ana is gone: the connection ended without a close" in caplog.text)


def test_the_end_that_comes_in_one_piece_with_the_last_line_is_heard(server):
    with Person(server.address, "bob") as bob, Person(server.address, "ana") as ana:
        held = []
        ana.socket._send_unsent = lambda: held.append(None)
        ana.send("hello")
        ana.socket.say_end()
        del ana.socket._send_unsent
        ana.socket._send_unsent()
        assert bob.lines_until("* ana lost the connection")[1] == "ana: hello" and held


def test_a_client_knows_a_cut_from_an_end(certificates, client_tls):
    with socket.create_server(LOCAL) as listener:
        ana = ChatClient("ana", listener.getsockname(), tls=client_tls, backoff=Backoff(lambda: 0.01)).start()
        for end, reason in (("cut", "the connection was cut"), ("unwrap", "the server ended the connection")):
            connection = certificates.server.wrap_socket(listener.accept()[0], server_side=True)
            with connection:
                connection.sendall(QUESTION_AND_WELCOME + b"* partial")
                ana.wait_for("Here now")
                if end == "unwrap":
                    connection.settimeout(0.05)
                    try:
                        connection.unwrap()
                    except (TimeoutError, ssl.SSLError):
                        pass  # the client does not say it in turn before it is gone
                connection.shutdown(socket.SHUT_RDWR)
                assert reason in ana.wait_for("lost").reason
        ana.close()
    assert not [event for event in ana.events() if "partial" in event.text]


# ---- the socket itself -----------------------------------------------------------------------


@pytest.fixture
def ends(certificates, client_tls, tls):
    """Both ends of a connection that speaks TLS, with small buffers; neither waits."""
    raw = socket.socketpair()
    for sock in raw:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client = TlsSocket(raw[0], client_tls, server_name="localhost")
    server = TlsSocket(raw[1], tls, server_side=True)
    is_over = [client.shake_hands(), False]
    while not all(is_over):
        for number, end in enumerate((client, server)):
            end.flush()
            if not is_over[number] and select.select([end], [], [], 0.01)[0]:
                is_over[number] = end.shake_hands(end.raw.recv(65536))
    client.flush()
    with client, server:
        yield client, server


def send_all(end, data: bytes, largest: int, chance: random.Random) -> None:
    while data:
        select.select([], [end], [])
        data = data[end.send(data[: chance.randint(1, largest)]) :]


def receive_all(end, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        if not end.has_more:
            select.select([end], [], [])
        try:
            received += end.recv(65536)
        except BlockingIOError:
            pass
    return bytes(received)


def test_two_threads_at_each_end_write_and_read_many_megabytes_whole(ends):
    chance = random.Random(34)
    sent = [chance.randbytes(6_000_000) for _ in ends]
    received = {}

    def read(number):
        received[number] = sha256(receive_all(ends[number], len(sent[1 - number]))).digest()

    threads = [threading.Thread(target=read, args=[number]) for number in (0, 1)]
    threads += [
        threading.Thread(target=send_all, args=[ends[number], sent[number], 100_000, random.Random(number)])
        for number in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert received == {0: sha256(sent[1]).digest(), 1: sha256(sent[0]).digest()}


def test_a_send_never_waits_and_keeps_a_rest_as_long_as_something_waits_inside(ends):
    client, server = ends
    line = b"x" * 9_000 + b"\n"
    outbox = Outbox(10**9)
    for _ in range(100):
        outbox.post(line)
    received = b""
    while outbox:
        block = outbox.take()
        outbox.written(block, client.send(block))
        assert outbox or not client.has_unsent
        if client.has_unsent:
            try:
                received += server.recv(500)
            except BlockingIOError:
                pass
    assert received + receive_all(server, len(line) * 100 - len(received)) == line * 100


def test_what_is_thrown_away_from_an_outbox_is_never_a_byte_that_is_under_way(ends):
    client, server = ends
    chance = random.Random(1)
    for _ in range(200):
        outbox = Outbox(10**9)
        lines = [b"x" * chance.choice([1, 1, 2, 5_000, 16_382]) + b"\n" for _ in range(40)]
        for line in lines:
            outbox.post(line)
        for _ in range(3):
            block = outbox.take()
            outbox.written(block, client.send(block))
        outbox.clear()
        outbox.post_last_word(b"! bye\n")
        received = b""
        while not received.endswith(b"! bye\n"):
            if block := outbox.take():
                outbox.written(block, client.send(block))
            try:
                received += server.recv(65536)
            except BlockingIOError:
                pass
        *heard, last = received.splitlines(keepends=True)
        assert heard == lines[: len(heard)] and last == b"! bye\n", "only whole lines"


def test_records_of_one_byte_arrive(ends):
    client, server = ends
    for _ in range(300):
        assert client.send(b"x") == 1
        assert receive_all(server, 1) == b"x"


def test_recv_returns_all_that_is_there_and_leaves_nothing_inside(ends):
    client, server = ends
    for _ in range(3):
        assert client.send(b"hello\n") == 6
    assert server.recv(65536) == b"hello\n" * 3 and not server.has_more
    with pytest.raises(BlockingIOError):
        server.recv(65536)


def test_half_a_record_is_nothing_yet(ends):
    client, server = ends
    client.send(b"hello\n")
    with pytest.raises(BlockingIOError):
        server.recv(10)
    assert server.recv(100) == b"hello\n"


def test_after_the_end_nothing_is_sent_and_the_other_end_may_go_on(ends):
    client, server = ends
    client.send(b"bye\n")
    client.shutdown(socket.SHUT_WR)
    assert (server.recv(100), server.recv(100)) == (b"bye\n", b"")
    with pytest.raises(BrokenPipeError):
        client.send(b"more\n")
    assert server.send(b"still here\n") == 11
    assert client.recv(100) == b"still here\n"


def test_bytes_that_were_changed_on_the_way_break_the_connection(ends):
    client, server = ends
    client.send(b"hello\n")
    changed = bytearray(server.raw.recv(100))
    changed[-1] ^= 1
    server._incoming.write(bytes(changed))
    client.send(b"and on\n")
    with pytest.raises(TlsFailed) as failed:
        server.recv(100)
    assert "bad record mac" in explain(failed.value)


def test_who_asks_for_new_keys_on_and_on_and_does_not_read_is_bounded(certificates, tls, tmp_path):
    """Key updates (RFC 8446, 4.6.3) made by hand: `ssl` cannot ask for them."""
    flooder = KeyUpdater(certificates, tls, tmp_path / "secrets")
    with flooder.server, flooder.raw:
        with pytest.raises(TlsFailed, match="new keys on and on"):
            for _ in range(20_000):
                flooder.ask()
                try:
                    flooder.server.recv(65536)
                except BlockingIOError:
                    pass
        assert len(flooder.server._unsent) < 200_000


class KeyUpdater:
    """A client that has shaken hands, and then only asks for new keys."""

    def __init__(self, certificates, tls, secrets):
        self.raw, other = socket.socketpair()
        other.setblocking(False)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.server = TlsSocket(other, tls, server_side=True)
        context = ssl.create_default_context(cafile=certificates.ca_file)
        context.keylog_filename = str(secrets)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        end = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        for _ in range(3):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            if data := outgoing.read():
                self.raw.sendall(data)
                self.server.shake_hands(other.recv(65536))
            if select.select([self.raw], [], [], 0)[0]:
                incoming.write(self.raw.recv(65536))
        assert end.cipher()[0] == "TLS_AES_256_GCM_SHA384"
        self._secret = bytes.fromhex(
            re.search(r"CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)", secrets.read_text(encoding="ascii"))[1]
        )

    def _expand(self, label: str, size: int) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA384
        from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

        name = b"tls13 " + label.encode()
        info = size.to_bytes(2, "big") + bytes([len(name)]) + name + b"\0"
        return HKDFExpand(SHA384(), size, info).derive(self._secret)

    def ask(self) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        asked = bytes([24, 0, 0, 1, 1]) + bytes([22])  # KeyUpdate, update_requested; a record of the handshake
        header = bytes([23, 3, 3]) + (len(asked) + 16).to_bytes(2, "big")
        # Each of its keys is used for one record, so that the number of the record is always 0.
        self.raw.sendall(header + AESGCM(self._expand("key", 32)).encrypt(self._expand("iv", 12), asked, header))
        self._secret = self._expand("traffic upd", 48)


# ---- the commands ----------------------------------------------------------------------------


def test_nobody_loads_ssl_who_does_not_use_it():
    code = (
        "import sys, chatlab.cli\n"
        "from chatlab import ChatClient, ChatServer\n"
        "with ChatServer(('127.0.0.1', 0)) as server, ChatClient('ana', server.address): pass\n"
        "sys.exit('ssl' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_certificate_for_class_is_made_served_and_trusted(engine, tmp_path, capsys):
    assert cli.main(["certificate", "--for", "localhost", "--for", "chat.example", "--out", str(tmp_path / "tls")]) == 0
    certificate, key, ca = (str(tmp_path / "tls" / name) for name in ("server.pem", "server.key", "ca.pem"))
    told = capsys.readouterr().out
    assert f"serve --tls-cert {certificate} --tls-key {key}\n" in told and f"join --tls --ca {ca}\n" in told
    if os.name == "posix":
        assert stat.S_IMODE(os.stat(key).st_mode) == 0o600
    with engine(LOCAL, tls=server_context(certificate, key)) as server:
        for host in ("127.0.0.1", "localhost", "chat.example"):
            with ChatClient("ana", server.address, tls=client_context(ca), server_hostname=host):
                pass


def test_a_certificate_overwrites_nothing(tmp_path, capsys):
    (tmp_path / "server.key").write_text("mine", encoding="utf-8")
    assert cli.main(["certificate", "--for", "localhost", "--out", str(tmp_path)]) == 1
    assert "server.key is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["server.key"]


@pytest.mark.parametrize("name", ["a b", "", "http://x/"])
def test_a_certificate_for_no_name_is_refused(tmp_path, capsys, name):
    assert cli.main(["certificate", "--for", name, "--out", str(tmp_path / "new")]) == 1
    assert capsys.readouterr().err.startswith("chatlab: ") and not (tmp_path / "new").exists()


def test_without_trustme_it_is_said_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    assert cli.main(["certificate", "--for", "localhost", "--out", str(tmp_path)]) == 1
    assert "pip install" in capsys.readouterr().err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["threads", "selectors"])
def test_serve_and_join_over_tls(option, certificates):
    chatlab = [sys.executable, "-m", "chatlab"]
    files = ["--tls-cert", certificates.files[0], "--tls-key", certificates.files[1]]
    with subprocess.Popen(
        [*chatlab, "serve", "-q", "--port", "0", "--engine", option, *files], stdout=subprocess.PIPE, text=True
    ) as serving:
        first, second = serving.stdout.readline(), serving.stdout.readline()
        port = re.search(r"open at 127\.0\.0\.1:(\d+): join with `.* --tls` or `openssl s_client", first)[1]
        assert "encrypted" in second
        join = [*chatlab, "join", "--port", port, "--name", "ana", "--give-up-after", "20"]
        for trusted, code in (["--tls", "--ca", certificates.ca_file], 0), (["--tls"], 1):
            done = subprocess.run([*join, *trusted], input="hello\n", capture_output=True, text=True, timeout=60)
            assert done.returncode == code, done.stderr
        assert "nobody whom we trust" in done.stderr
        serving.terminate()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda c: (c.files[0], "none.key"), "none.key: No such file"),
        (lambda c: ("none.pem", c.files[1]), "none.pem: No such file"),
        (lambda c: (c.files[0], c.bad["foreign"][1]), "does not belong to the certificate"),
        (lambda c: (c.files[1], c.files[0]), "not a certificate and its key"),
        (lambda c: (c.files[0], with_password(c.files[1])), "is encrypted"),
    ],
    ids=["no key", "no certificate", "another key", "the wrong way round", "a password"],
)
def test_files_that_cannot_be_served_with_are_named_in_one_sentence(certificates, capsys, make, words):
    certificate, key = make(certificates)
    assert cli.main(["serve", "--port", "0", "--tls-cert", certificate, "--tls-key", key]) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("chatlab: ") and words in told


def with_password(key_file: str) -> str:
    """Write the same key behind a password; return the file."""
    from cryptography.hazmat.primitives import serialization

    with open(key_file, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    behind = serialization.BestAvailableEncryption(b"secret")
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    with open(f"{key_file}.locked", "wb") as file:
        file.write(key.private_bytes(*form, behind))
    return file.name


@pytest.mark.parametrize("options", [["serve", "--tls-cert", "x"], ["serve", "--tls-key", "x"], ["join", "--ca", "x"]])
def test_options_that_make_no_sense_alone_are_wrong(options, capsys):
    with pytest.raises(SystemExit) as wrong:
        cli.main(options)
    assert wrong.value.code == 2 and "go together" in (err := capsys.readouterr().err) or "goes with --tls" in err


@pytest.mark.parametrize("file, words", [("none.pem", "No such file"), (__file__, "holds no certificate")])
def test_an_authority_that_is_none_is_named_in_one_sentence(file, words, capsys):
    assert cli.main(["join", "--name", "ana", "--tls", "--ca", file]) == 1
    assert words in capsys.readouterr().err
