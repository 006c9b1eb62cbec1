"""Lab 01, judged: the first socket."""

from __future__ import annotations

from chatlab.grading.checks import check, raises, same, wrong

LAB = "lab01_first_socket.py"


def said(random, low: int, high: int) -> bytes:
    """Draw so many letters. Where a check is not about the kind of bytes, they are easy to read."""
    return bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz", k=random.randint(low, high)))


@check(
    "1.1",
    2,
    "A listener is a socket that clients can connect to.",
    hints=[
        "Compare with the steps of a listener: create the socket, give it its address, open it for callers, return it.",
        "A socket with an address is not yet open for callers: `listen` opens it. Nobody has called yet: no accept.",
        "socket.socket(), then .bind((host, port)), both in a pair, then .listen(); and return the socket.",
    ],
)
def test_a_listener_can_be_connected_to(code, net, did):
    """open_listener() returns a socket that clients can connect to."""
    listener = code.open_listener()
    if listener is None:
        wrong("open_listener() returned nothing. Its last line is to be `return` and the socket.")
    if isinstance(listener, bool | int | float | str | bytes | tuple | list | dict):
        wrong(f"open_listener() is to return the listening socket itself; it returned {listener!r}.")
    address = listener.getsockname()
    did("got a socket from open_listener()")
    net.connect(address)


@check(
    "1.2",
    1,
    "127.0.0.1 is this very machine: nobody else can connect to it.",
    needs="1.1",
    hints=[
        "Look at what you give to `bind`: are they the host and the port that the function was called with?",
        "An empty host, or 0.0.0.0, stands for all addresses of this machine, those in the Wi-Fi too.",
    ],
)
def test_a_listener_has_the_address_that_was_asked_for(code, net, did):
    """open_listener(host, port) listens on that host and that port alone."""
    host, its_port = code.open_listener("127.0.0.1", 0).getsockname()[:2]
    same(host, "127.0.0.1", "The host of open_listener('127.0.0.1', 0)")
    # What getsockname says, a class of the student's may say: so look whether it is so.
    net.expect_nobody(("127.0.0.2", its_port), "Only clients of 127.0.0.1 are to be let in")
    did("it listens on 127.0.0.1 alone")
    port = net.free_port()
    again = code.open_listener("127.0.0.1", port)
    same(again.getsockname()[1], port, f"The port of open_listener('127.0.0.1', {port})")
    net.connect(("127.0.0.1", port))


@check(
    "1.3",
    1,
    "A server that was stopped can be started again at once, on its port.",
    needs="1.1",
    hints=[
        "After a connection the system keeps the port for a minute. Which option says that you want it, and when?",
        "setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1) has to come before bind. Not on Windows.",
    ],
)
def test_a_port_can_be_listened_on_again_at_once(code, net, did, stand_ins):
    """open_listener() gets the port of a server that has just ended."""
    listener = code.open_listener("127.0.0.1", 0)
    address = listener.getsockname()
    client = net.connect(address)
    connection = stand_ins.accept(listener)
    connection.close()  # the server ends first, so that its side keeps the port for a while
    client.expect_end()
    client.close()
    listener.close()
    net.expect_nobody(address, "Once a listener is closed, nobody is to be let in")
    did("served one client, and closed the listener")
    again = code.open_listener("127.0.0.1", address[1])
    same(again.getsockname()[1], address[1], "The port of the second listener")
    net.connect(address)


@check(
    "1.4",
    2,
    "`send` may take fewer bytes than it is given.",
    hints=[
        "`send` returns how many bytes it took. Which are still to be sent then, and when are you done?",
        "The bytes that were not taken are data[taken:]. Send those next, until nothing is left.",
    ],
)
def test_everything_is_sent_though_send_takes_little(code, net, random, did, stand_ins):
    """send_everything() sends all bytes, in order, though `send` takes only a few at a time."""
    theirs, ours = net.pair()
    data = said(random, 2000, 3000)
    limit_bytes = random.randint(5, 90)
    call = code.start("send_everything", stand_ins.OnlySend(theirs, limit_bytes), data)
    ours.comes_in_pieces(limit_bytes)
    ours.expect(data, "What send_everything() sent")
    did(f"{len(data):,} bytes arrived, each once and in order")
    call.result()


@check(
    "1.5",
    1,
    "The bytes of `data` are sent, and nothing else.",
    needs="1.4",
    hints=[
        "Not a byte more than `data` is to be sent: what is sent, or waited for, if `data` is empty to begin with?",
        "A loop that looks before it sends (`while data:`) needs no special case for an empty message.",
    ],
)
def test_nothing_else_is_sent(code, net, did):
    """send_everything() sends nothing but `data`, and for b"" nothing at all."""
    theirs, ours = net.pair()
    code.start("send_everything", theirs, b"").result()
    did("send_everything(connection, b'') returned")
    code.start("send_everything", theirs, b"hello").result()
    theirs.close()
    same(ours.receive(100), b"hello", "send_everything() with b'', and then with b'hello',")


@check(
    "1.6",
    2,
    "An echo gives back what it gets.",
    hints=[
        "`recv` returns the bytes that came, as soon as some came. Send back just those, without waiting for more.",
        "recv(4096) waits for bytes and returns up to 4,096 of them; sendall(chunk) sends them back.",
    ],
)
def test_an_echo_gives_back_what_came(code, net, random, did):
    """echo() sends back the bytes that it gets."""
    theirs, ours = net.pair()
    code.start("echo", theirs)
    message = said(random, 5, 40)
    ours.send(message)
    did(f"sent {message!r}")
    ours.expect(message, "The echo")


@check(
    "1.7",
    2,
    "A stream goes on until its end, whatever was said before.",
    needs="1.6",
    hints=[
        "Your echo answered the first chunk, and then?",
        "One `recv` is one chunk. For the next one you have to call it again: that wants a loop.",
        "while chunk := connection.recv(4096): runs until recv returns b'', the end of the stream.",
    ],
)
def test_an_echo_goes_on_until_the_end(code, net, random, did):
    """echo() goes on, chunk after chunk, until the other end is done."""
    theirs, ours = net.pair()
    code.start("echo", theirs)
    for number in range(1, random.randint(4, 7)):
        message = said(random, 1, 30)
        ours.send(message)
        ours.expect(message, f"The echo of chunk {number}")
        did(f"chunk {number} came back")


@check(
    "1.8",
    2,
    "recv returns b'' at the end of the stream.",
    needs="1.6",
    hints=[
        "At the end of the stream `recv` returns b'', each time that you call it. What is your echo to do then?",
        "Leave the loop when recv returns b''. Then close the connection, so that the other end knows.",
    ],
)
def test_an_echo_ends_when_the_other_end_is_done(code, net, random, did, stand_ins):
    """echo() closes the connection and returns when the other end is done."""
    stand_ins.lose_patience_at_the_end()
    theirs, ours = net.pair()
    call = code.start("echo", theirs)
    message = said(random, 5, 10)
    ours.send(message)
    ours.finish()
    ours.expect(message, "The echo before the end")
    did("the last bytes came back")
    call.result()
    did("echo() has returned")
    if stand_ins.is_open(theirs):
        wrong("echo() has returned, and has not closed the connection: the other end still waits for more.")
    ours.expect_end()


@check(
    "1.9",
    1,
    "Bytes are bytes: an echo need not understand them.",
    needs="1.6",
    hints=[
        "What do you do to the bytes between recv and send? Blanks and line ends count, and not all bytes are text.",
        "What recv returns can go into sendall as it is, with no decode and no encode.",
    ],
)
def test_an_echo_does_not_look_at_the_bytes(code, net, random, did):
    """echo() gives back any bytes, also such that are no text."""
    every = bytes(random.sample(range(256), 256))
    blanks, no_text = b"  two spaces \r\n\n", b"\xff\xfe\x00\xc3"
    messages = {"blanks and line ends": blanks, "bytes that are no text": no_text, "every byte": every}
    for what, message in messages.items():
        theirs, ours = net.pair()  # a connection for each: this check is not about going on
        code.start("echo", theirs)
        ours.send(message)
        ours.expect(message, f"The echo of {what}")
        did(f"came back as it was: {what}")


@check(
    "1.10",
    2,
    "An echo loses nothing when the other end reads slowly.",
    needs="1.7",
    hints=[
        "When the other end reads slowly, `send` takes only a part of the chunk. Who sends the rest of it?",
        "You have a function that sends everything; sendall is one, too.",
    ],
)
def test_an_echo_loses_nothing_when_the_reader_is_slow(code, net, random, did, stand_ins):
    """echo() loses no byte when `send` takes only a few at a time."""
    theirs, ours = net.pair()
    limit_bytes = random.randint(50, 500)
    code.start("echo", stand_ins.Stingy(theirs, limit_bytes))
    ours.comes_in_pieces(limit_bytes)
    data = said(random, 20_000, 30_000)
    ours.send(data)
    did(f"sent {len(data):,} bytes in one go")
    ours.expect(data, "The echo")


@check(
    "1.11",
    2,
    "A server goes on after its first client.",
    needs="1.1 1.8",
    hints=[
        "Your server serves a client. Which of your lines runs after that, and who accepts the next one?",
        "accept() gives you one client. For the next one, call it again: for ever, so `while True`.",
    ],
)
def test_a_server_serves_one_client_after_another(code, net, random, did):
    """serve() serves one client after another."""
    listener = code.open_listener()
    address = listener.getsockname()
    code.start("serve", listener)
    for number in (1, 2, 3):
        client = net.connect(address)
        message = said(random, 12, 12)
        client.send(message)
        client.finish()
        client.expect(message, f"The echo for client {number}")
        client.expect_end()
        did(f"client {number} was served")


@check(
    "1.12",
    2,
    "A client that breaks its connection off takes nobody with it.",
    needs="1.11",
    hints=[
        "When the other end has crashed, `recv` cannot return: it raises. Who catches that, and what comes next?",
        "It is a ConnectionResetError, a kind of ConnectionError. Catch it inside the loop, around one client's visit.",
        "try: echo(connection)  except ConnectionError: close this connection, and go on with accept.",
    ],
)
def test_a_server_outlives_a_client_that_breaks_off(code, net, random, did):
    """serve() goes on when a client breaks its connection off."""
    listener = code.open_listener()
    address = listener.getsockname()
    code.start("serve", listener)
    for _ in range(3):
        client = net.connect(address)
        message = said(random, 5, 5)
        client.send(message)
        client.expect(message, "The echo for a client that will break off")
        client.break_off()
    did("three clients came, were served, and broke off")
    client = net.connect(address)
    message = said(random, 12, 12)
    client.send(message)
    client.expect(message, "The echo for the client after them")


@check(
    "1.13",
    2,
    "A client sends its message and reads the answer.",
    hints=[
        "Connect, send, read, return the bytes that came, as they came: which of these does your ask() do otherwise?",
        "socket.create_connection(address) returns a connected socket; sendall and recv do the rest.",
    ],
)
def test_asking_returns_the_answer(code, net, random, did):
    """ask() sends the message and returns the answer, as bytes."""
    server = net.listen()
    message, answer = said(random, 10, 20), said(random, 25, 30)
    call = code.start("ask", server.address, message)
    connection = server.accept()
    did("ask() has connected")
    connection.expect(message, "What ask() sent")
    did("the message has arrived")
    connection.send(answer)
    connection.close()
    same(call.result(), answer, "What ask() returned")


@check(
    "1.14",
    2,
    "An answer may come in any number of pieces; the end of the stream is its end.",
    needs="1.13",
    hints=[
        "How many times do you call `recv`, and how do you know that this was all?",
        "Collect the chunks until recv returns b''.",
    ],
)
def test_asking_reads_to_the_end(code, net, random, did, stand_ins):
    """ask() returns the whole answer, however many pieces it comes in."""
    server = net.listen()
    answer = said(random, 3000, 6000)
    limit_bytes, mask = random.randint(20, 1000), random.randint(1, 255)
    stand_ins.sip(limit_bytes, mask)  # so much does each recv return, and no more
    call = code.start("ask", server.address, b"?")
    connection = server.accept()
    connection.is_masked(mask)
    connection.expect(b"?", "What ask() sent")
    connection.send(answer)
    connection.close()
    did(f"the answer of {len(answer):,} bytes went out")
    same(call.result(), answer, "What ask() returned")


@check(
    "1.15",
    2,
    "The end of what a client says has to be said: SHUT_WR.",
    needs="1.13",
    hints=[
        "The server waits for the end of your message, and you for its answer. How does it learn that you are done?",
        "connection.shutdown(socket.SHUT_WR) after the message: you are done, and can still read.",
    ],
)
def test_asking_says_when_the_message_is_over(code, net, random, did):
    """ask() tells the server that its message is over, and still reads the answer."""
    server = net.listen()
    message = said(random, 10, 20)
    call = code.start("ask", server.address, message)
    connection = server.accept()
    connection.expect(message, "What ask() sent")
    did("the message has arrived")
    connection.expect_end()
    did("the end of the message has arrived")
    connection.send(message)
    connection.close()
    same(call.result(), message, "What ask() returned")


@check(
    "1.16",
    1,
    "That nobody listens is told, not hidden.",
    needs="1.13",
    hints=[
        "What does ask() return when there is no server? The caller cannot tell that from an empty answer.",
        "Do not catch ConnectionRefusedError: it says exactly what is wrong.",
    ],
)
def test_asking_where_nobody_listens_raises(code, net, did):
    """ask() lets the ConnectionRefusedError through if nobody listens."""
    address = ("127.0.0.1", net.free_port())
    raises(lambda: code.ask(address, b"hello"), "ConnectionRefusedError", "ask()")
