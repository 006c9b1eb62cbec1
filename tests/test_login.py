"""Names that are owned: passwords, accounts and operators in the room, on both servers and in the client."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading

import pytest
from fake_accounts import FakeAccounts, ThreadedAccounts
from person import Person, wait_until_empty
from test_history import ROOT, served

from chatlab import ChatClient, ChatServer
from chatlab.net import Refused, SelectorChatServer
from chatlab.protocol import PasswordRefused, limits
from chatlab.room import Ask, Broadcast, Close, Left, LookUp, Register, Room, Send, Session, State, Verify

LOCAL = ("127.0.0.1", 0)
PATIENCE_SECONDS = 20
SECRET = "correct horse battery"
OTHER_SECRET = "staple of the day"
QUESTION = "* Password for ana?"
WRONG = "! The name or the password is wrong."


# ---- the room --------------------------------------------------------------------------------------


class Desk:
    """A room, and accounts that answer at once: what a session reads comes as lines."""

    def __init__(self, accounts: FakeAccounts, **options) -> None:
        self.room = Room(has_accounts=True, **options)
        self.accounts = accounts
        self.effects: list = []

    def open(self, **options) -> Session:
        session, _ = self.room.open(**options)
        return session

    def say(self, session: Session, *lines: str) -> list[str]:
        """Say lines; return what this session reads of it all. All effects are kept in `effects`."""
        self.effects = []
        for line in lines:
            self._perform(self.room.handle(session, line.encode("utf-8", "surrogateescape")))
        return [effect.line for effect in self.effects if isinstance(effect, Send) and effect.to is session]

    def _perform(self, effects) -> None:
        for effect in effects:
            self.effects.append(effect)
            if isinstance(effect, Ask):
                assert effect.session.is_waiting
                self._perform(self.room.account_answered(effect, self.accounts.answer(effect.request)))

    def enter(self, *lines: str) -> Session:
        session = self.open()
        self.say(session, *lines)
        assert session.state is State.CHATTING
        return session

    @property
    def told_to_all(self) -> list[str]:
        return [effect.line for effect in self.effects if isinstance(effect, Broadcast)]


@pytest.fixture
def desk():
    return Desk(FakeAccounts(operators=["op"], ana=SECRET, op="the boss is here"))


@pytest.fixture
def op(desk):
    return desk.enter("op", "the boss is here")


@pytest.mark.clause("P35")
def test_a_name_without_an_account_comes_in_as_ever(desk):
    assert desk.say(desk.open(), "bob")[0].startswith("* Welcome, bob.")


@pytest.mark.clause("P35")
def test_a_name_that_has_an_account_comes_in_with_its_password(desk):
    ana = desk.open()
    assert desk.say(ana, "Ana") == ["* Password for Ana?"]
    assert ana.state is State.PROVING
    assert desk.say(ana, f" {SECRET} ")[0].startswith("* Welcome, Ana.")
    assert ana.account == "Ana" and not ana.is_operator


@pytest.mark.clause("P35")
@pytest.mark.parametrize(
    "wrong", ["correct horse batterx", SECRET.upper(), "short", "x" * 1025, "caf\udce9 au lait", "\0"]
)
def test_a_wrong_password_gets_the_same_words_whatever_is_wrong(desk, wrong):
    ana = desk.open()
    assert desk.say(ana, "ana", wrong) == [QUESTION, WRONG, QUESTION]
    assert desk.say(ana, SECRET)[0].startswith("* Welcome, ana.")


@pytest.mark.clause("P35")
def test_the_fifth_wrong_password_ends_the_connection(desk):
    ana = desk.open()
    lines = desk.say(ana, "ana", *["a wrong password"] * 5, SECRET)
    assert lines == [QUESTION, *[WRONG, QUESTION] * 4, WRONG, "! That was try 5 of 5. Connect again."]
    assert desk.effects[-1] == Close(ana) and not desk.told_to_all and ana.state is State.GONE


@pytest.mark.clause("P35")
def test_an_empty_line_takes_the_name_back(desk):
    stranger = desk.open()
    assert desk.say(stranger, "ana", "") == [QUESTION, "* What is your name?"]
    assert desk.say(stranger, "bob")[0].startswith("* Welcome, bob.")


@pytest.mark.clause("P35")
@pytest.mark.parametrize("word", ["close", "/quit", " CLOSE "])
def test_who_is_asked_for_a_password_can_leave(desk, word):
    ana = desk.open()
    assert desk.say(ana, "ana", word) == [QUESTION, "* Goodbye."]
    assert Close(ana) in desk.effects


@pytest.mark.clause("P35")
def test_a_password_that_takes_too_long_ends_the_connection(desk):
    ana = desk.open()
    desk.say(ana, "ana")
    assert [effect.line for effect in desk.room.expire(ana) if isinstance(effect, Send)] == [
        "! You took too long to say the password. Connect again."
    ]


@pytest.mark.clause("P35")
def test_with_members_alone_a_name_without_an_account_is_asked_too_and_reads_the_same():
    desk = Desk(FakeAccounts(ana=SECRET), for_members_only=True)
    known, unknown = desk.open(), desk.open()
    assert desk.say(known, "ana", "a wrong one") == [QUESTION, WRONG, QUESTION]
    lines = desk.say(unknown, "bob", "a wrong one")
    assert [line.replace("bob", "ana") for line in lines] == [QUESTION, WRONG, QUESTION]


@pytest.mark.clause("P35")
def test_where_others_could_read_along_no_password_is_asked_for(desk):
    ana = desk.open(may_send_passwords=False)
    (refusal,) = desk.say(ana, "ana")
    assert refusal == (
        "! The name ana has a password, and everyone on the way could read a password here, as this connection is not"
        " encrypted. Join with TLS, or take another name."
    )
    assert desk.say(ana, "bob")[0].startswith("* Welcome, bob.")
    for line in (f"/register {SECRET}", f"/password {SECRET}"):
        (refusal,) = desk.say(ana, line)
        assert refusal.startswith("! ") and ana.account == ""
    assert name_is_free(desk, "bob")


def name_is_free(desk: Desk, name: str) -> bool:
    return not desk.accounts.answer(LookUp(name)).has_account


@pytest.mark.clause("P35")
def test_a_name_that_is_taken_while_its_password_is_tried_is_taken(desk):
    first, second = desk.open(), desk.open()
    desk.say(first, "ana")
    desk.say(second, "ana", SECRET)
    assert desk.say(first, SECRET) == ["! The name ana is taken. Try another."]
    assert first.state is State.NAMING and desk.say(first, "bob")[0].startswith("* Welcome, bob.")


@pytest.mark.clause("P13", "P35")
def test_a_name_that_is_taken_while_it_is_looked_up_is_taken(desk):
    first, second = desk.open(), desk.open()
    (asked,) = desk.room.handle(first, b"bob")
    desk.say(second, "bob")
    (refusal,) = desk.room.account_answered(asked, desk.accounts.answer(asked.request))
    assert refusal.line == "! The name bob is taken. Try another."


def test_an_answer_for_who_is_gone_does_nothing(desk):
    for line, end in (("ana", desk.room.lost), ("bob", desk.room.expire)):
        session = desk.open()
        (asked,) = desk.room.handle(session, line.encode())
        assert session.is_waiting
        end(session)
        assert not session.is_waiting
        assert desk.room.account_answered(asked, desk.accounts.answer(asked.request)) == []


def test_trouble_is_told_and_loses_nobody(desk):
    bob = desk.enter("bob")
    desk.accounts.trouble = "the disk is full"
    assert desk.say(bob, f"/register {SECRET}") == ["! Not done: the disk is full."]
    assert desk.say(desk.open(), "ana", SECRET) == [QUESTION, "! Try again: the disk is full.", QUESTION]
    assert desk.say(desk.open(), "carla")[0].startswith("* Welcome, carla.")


@pytest.mark.clause("P36")
def test_register_claims_the_name_that_one_is_using(desk):
    bob = desk.enter("bob")
    assert desk.say(bob, f"/register {OTHER_SECRET}") == [
        "* The name bob is yours now. The next time, it asks for the password."
    ]
    desk.say(bob, "close")
    assert desk.say(desk.open(), "BOB", OTHER_SECRET)[1].startswith("* Welcome, BOB.")


@pytest.mark.clause("P36")
@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/register", "! Write it like this: /register PASSWORD"),
        ("/register 1234567", "! Not done: a password has at least 8 bytes, this one has 7."),
        ("/register " + "x" * 1025, "! Not done: a password has at most 1,024 bytes, this one has 1,025."),
        ("/password longenough", "! You have no account. /register PASSWORD makes one for your name."),
        ("/unregister", "! You have no account. /register PASSWORD makes one for your name."),
        ("/unregister now", "! Write it like this: /unregister"),
        ("/kick ana", "! Only operators may do that."),
        ("/ban ana", "! Only operators may do that."),
        ("/unban ana", "! Only operators may do that."),
    ],
)
def test_a_command_that_cannot_be_done_says_why(desk, line, answer):
    assert desk.say(desk.enter("bob"), line) == [answer]


@pytest.mark.clause("P36")
def test_an_account_is_changed_and_given_up_by_who_came_in_with_it(desk):
    ana = desk.enter("ana", SECRET)
    assert desk.say(ana, f"/register {SECRET}") == ["! ana is yours already. /password NEW changes its password."]
    assert desk.say(ana, f"/password {OTHER_SECRET}") == ["* Your password is changed."]
    desk.say(ana, "close")
    again = desk.open()
    assert desk.say(again, "ana", SECRET)[1] == WRONG
    desk.say(again, OTHER_SECRET)
    assert desk.say(again, "/unregister") == ["* The name ana has no account any more."]
    assert name_is_free(desk, "ana") and again.account == ""


@pytest.mark.clause("P36")
def test_an_account_that_somebody_has_removed_meanwhile_is_gone(desk):
    ana = desk.enter("ana", SECRET)
    desk.accounts.passwords.clear()
    assert desk.say(ana, f"/password {OTHER_SECRET}") == [
        "! Your account is gone: somebody has removed it meanwhile."
    ]
    assert name_is_free(desk, "ana")


@pytest.mark.clause("P22", "P36")
def test_nobody_takes_the_name_of_an_account_by_renaming(desk):
    bob = desk.enter("bob")
    assert desk.say(bob, "/nick ANA") == [
        "! The name ANA has an account: connect anew to come in with its password."
    ]
    assert desk.say(bob, "/nick carla") == ["* You are now carla."]
    ana = desk.enter("ana", SECRET)
    assert desk.say(ana, "/nick Eva", "/nick Ana") == ["* You are now Eva.", "* You are now Ana."]


@pytest.mark.clause("P37")
def test_an_operator_removes_somebody_and_the_room_is_told(desk, op):
    bob = desk.enter("bob")
    desk.say(op, "/kick BOB")
    assert desk.told_to_all == ["* bob was removed by op"]
    assert Send(bob, "! You were removed by op.") in desk.effects and Close(bob) in desk.effects
    assert Left(bob, "bob", "removed by op") in desk.effects
    assert desk.say(desk.open(), "bob")[0].startswith("* Welcome, bob.")


@pytest.mark.clause("P37")
@pytest.mark.parametrize(
    ("words", "told"),
    [("", ""), (" 1", " for 1 minute"), (" 90", " for 90 minutes"), ("  525600", " for 525,600 minutes")],
)
def test_a_ban_removes_and_keeps_away_until_it_is_ended(desk, op, words, told):
    bob = desk.enter("bob")
    desk.say(op, f"/ban bob{words}")
    assert desk.told_to_all == [f"* bob was banned by op{told}"]
    assert Send(bob, f"! You were banned by op{told}.") in desk.effects and bob.state is State.GONE
    assert desk.say(desk.open(), "Bob") == [f"! Try another name: Bob is banned{told}."]
    carla = desk.enter("carla")
    assert desk.say(carla, "/nick bob") == [f"! Your name is still carla: bob is banned{told}."]
    desk.say(op, "/unban BOB")
    assert desk.told_to_all == ["* op has ended the ban of BOB"]
    assert desk.say(desk.open(), "bob")[0].startswith("* Welcome, bob.")


@pytest.mark.clause("P37")
def test_the_owner_of_a_banned_name_does_not_take_it_back_by_renaming(desk, op):
    ana = desk.enter("ana", SECRET)
    desk.say(ana, "/nick eva")
    desk.say(op, "/ban ana")
    assert desk.say(ana, "/nick ana") == ["! Your name is still eva: ana is banned."]


@pytest.mark.clause("P37")
def test_a_ban_of_who_is_away_is_told_too(desk, op):
    desk.say(op, "/ban ana 5")
    assert desk.told_to_all == ["* ana was banned by op for 5 minutes"]
    assert desk.say(desk.open(), "ana") == ["! Try another name: ana is banned for 5 minutes."]


@pytest.mark.clause("P37")
def test_a_ban_that_comes_while_the_password_is_tried_holds(desk, op):
    ana = desk.open()
    desk.say(ana, "ana")
    desk.say(op, "/ban ana")
    assert desk.say(ana, SECRET) == ["! Try another name: ana is banned."]


@pytest.mark.clause("P37")
def test_a_ban_holds_though_its_operator_is_gone_by_then(desk, op):
    bob = desk.enter("bob")
    (asked,) = desk.room.handle(op, b"/ban bob")
    desk.room.lost(op)
    effects = desk.room.account_answered(asked, desk.accounts.answer(asked.request))
    assert Close(bob) in effects and Broadcast("* bob was banned by op") in effects


@pytest.mark.clause("P37")
@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/kick", "! Write it like this: /kick NAME"),
        ("/kick nobody", "! Nobody here is called nobody. Type /users to see who is."),
        ("/kick OP", "! That is your own name. close leaves the chat."),
        ("/ban", "! Write it like this: /ban NAME [MINUTES] (MINUTES from 1 to 525,600; without them, for good)"),
        ("/ban op", "! That is your own name: nobody can ban themselves."),
        ("/ban a:b", "! Not done: a name is made of letters, digits, - and _; ':' is none of them."),
        ("/unban", "! Write it like this: /unban NAME"),
        ("/unban bob", "! There is no ban of bob."),
        *(
            (f"/ban bob {minutes}", "! Write it like this: /ban NAME [MINUTES]")
            for minutes in ("0", "-1", "525601", "5 5", "five", "٣", "9" * 4000, "1e3")
        ),
    ],
)
def test_an_operator_is_told_what_was_wrong(desk, op, line, answer):
    (told,) = desk.say(op, line)
    assert told.startswith(answer[:40]) and told.startswith("! ")


@pytest.mark.clause("P19", "P37")
def test_help_shows_the_commands_of_operators_to_operators_alone(desk, op):
    for session, has in ((op, True), (desk.enter("bob"), False)):
        lines = desk.say(session, "/help")
        assert any(line.startswith("* /register PASSWORD - ") for line in lines)
        assert any(line.startswith("* /ban NAME [MINUTES] - ") for line in lines) is has


def test_without_accounts_their_commands_are_unknown():
    room = Room()
    ana, _ = room.open()
    room.handle(ana, b"ana")
    (answer,) = room.handle(ana, f"/register {SECRET}".encode())
    assert answer == Send(ana, "! There is no command /register. Type /help to see them all.")


def test_a_password_stands_in_no_repr(desk):
    ana = desk.open()
    desk.say(ana, "ana", SECRET, f"/password {OTHER_SECRET}")
    asked = [effect for effect in desk.effects if isinstance(effect, Ask)]
    assert {type(effect.request) for effect in asked} >= {Verify}
    assert SECRET not in repr(desk.effects) and OTHER_SECRET not in repr(desk.effects)
    assert SECRET not in repr(Register("ana", SECRET))


# ---- both servers ----------------------------------------------------------------------------------


@pytest.fixture(params=[ChatServer, SelectorChatServer], ids=["threads", "selectors"])
def engine(request):
    return request.param


@pytest.fixture
def accounts():
    with ThreadedAccounts(operators=["op"], ana=SECRET, op="the boss is here") as accounts:
        yield accounts


@pytest.fixture
def server(engine, accounts):
    with engine(LOCAL, accounts=accounts, history_lines=20) as server:
        yield server


@pytest.mark.clause("P35")
def test_a_login_by_hand(server):
    with Person(server.address) as ana:
        assert ana.give_name("ana") == QUESTION
        ana.send("not the password")
        assert [ana.line(), ana.line()] == [WRONG, QUESTION]
        ana.send(SECRET)
        assert ana.line().startswith("* Welcome, ana.")


@pytest.mark.clause("P35")
def test_what_is_said_before_the_answer_waits_for_it_in_its_order(server, accounts):
    """All in one segment, as `nc` sends a file: the name, the password, and what was to be said behind it."""
    with Person(server.address, "bob") as bob, Person(server.address) as ana:
        ana.hear_question()
        accounts.free.clear()
        ana.send("ana", SECRET, *(f"line {number}" for number in range(600)))
        ana.send(f"/password {OTHER_SECRET}", "last", "close")
        assert bob.lines_so_far() == []  # the others go on while somebody waits
        accounts.free.set()
        rest = ana.rest()
        assert rest[0] == QUESTION and rest[1].startswith("* Welcome, ana.") and rest[-1] == "* Goodbye, ana."
        assert rest[-2] == "* Your password is changed."
        expected = ["* ana joined", *(f"ana: line {number}" for number in range(600)), "ana: last", "* ana left"]
        assert [bob.line() for _ in expected] == expected


@pytest.mark.clause("P34", "P35")
def test_what_is_said_over_tls_before_the_answer_and_the_end_is_heard(engine, accounts, tls):
    """The end comes in one piece with the lines, while the first of them waits for its answer."""
    with engine(LOCAL, accounts=accounts, tls=tls) as server:
        with Person(server.address, "bob") as bob, Person(server.address) as ana:
            ana.hear_question()
            accounts.free.clear()
            ana.send("ana", SECRET, "hello")
            ana.half_close()
            while not accounts.asked:
                threading.Event().wait(0.005)
            accounts.free.set()
            assert bob.line() == "* ana joined"
            assert bob.line() == "ana: hello"
            assert bob.line() == "* ana lost the connection"


@pytest.mark.clause("P35")
def test_who_waits_for_an_answer_and_goes_is_gone(server, accounts):
    accounts.free.clear()
    with Person(server.address) as ana:
        ana.hear_question()
        ana.send("ana", SECRET, "hello")
        ana.socket.shutdown(2)
    accounts.free.set()
    wait_until_empty(server.address)  # it fails if ana stays


@pytest.mark.clause("P27", "P35")
def test_a_server_stops_though_somebody_waits_for_an_answer(server, accounts):
    with Person(server.address) as ana, Person(server.address) as bob:
        ana.hear_question()
        bob.hear_question()
        accounts.free.clear()
        ana.send("ana", "and", "more")
        bob.send("bob")
        while len(accounts.asked) < 2:
            threading.Event().wait(0.005)
        server.stop()
        assert ana.rest() == bob.rest() == ["* The server is stopping."]


@pytest.mark.clause("P35")
def test_a_deadline_for_the_password_begins_with_its_question(engine, accounts, monkeypatch):
    monkeypatch.setattr(limits, "PASSWORD_DEADLINE_SECONDS", 0.3)
    with engine(LOCAL, accounts=accounts, naming_seconds=600.0) as server, Person(server.address) as ana:
        assert ana.give_name("ana") == QUESTION
        assert ana.rest() == ["! You took too long to say the password. Connect again."]


@pytest.mark.clause("P37")
def test_an_operator_at_work(server):
    with Person(server.address) as op, Person(server.address, "bob") as bob, Person(server.address, "carla") as carla:
        assert op.give_name("op") == "* Password for op?"
        op.send("the boss is here")
        op.line()
        op.lines_so_far()
        bob.lines_so_far()
        carla.lines_so_far()
        op.send("/ban bob 5", "/kick carla", "/unban bob")
        assert bob.rest() == ["! You were banned by op for 5 minutes."]
        assert carla.rest() == ["* bob was banned by op for 5 minutes", "! You were removed by op."]
        assert op.lines_so_far() == [
            "* bob was banned by op for 5 minutes",
            "* carla was removed by op",
            "* op has ended the ban of bob",
        ]


def test_a_password_is_in_no_log_and_no_history(server, caplog):
    caplog.set_level(logging.DEBUG)
    with Person(server.address) as ana:
        ana.hear_question()
        ana.send("ana", "not the password", SECRET, f"/password {OTHER_SECRET}", "hello", f"/REGISTER {SECRET}")
        ana.send("/history", "/search horse", "close")
        read = "\n".join(ana.rest())
    assert re.search(r"127\.0\.0\.1:\d+: wrong password for ana", caplog.text)
    for secret in (SECRET, OTHER_SECRET, "not the password"):
        assert secret not in read and secret not in caplog.text


# ---- the client ------------------------------------------------------------------------------------


def test_a_client_that_knows_the_password_comes_in_and_comes_back(server):
    with ChatClient("ana", server.address, password=SECRET) as ana:
        address = server.address
        server.stop()
        ana.wait_for("lost", PATIENCE_SECONDS)
        server.address = address
        server.start()
        ana.wait_for("back", PATIENCE_SECONDS)
        assert ana.is_connected


def test_a_client_with_a_wrong_password_is_refused(server):
    with pytest.raises(Refused, match="The name or the password is wrong"):
        with ChatClient("ana", server.address, password=OTHER_SECRET):
            pass


def test_a_client_without_a_password_says_how_to_give_it(server):
    with pytest.raises(Refused, match='The name ana has a password: give it with password="..."'):
        with ChatClient("ana", server.address):
            pass


def test_a_client_is_asked_until_the_password_is_right_and_knows_it_then(server):
    ana = ChatClient("ana", server.address).start()
    try:
        assert ana.wait_for("password", PATIENCE_SECONDS).text == "Password for ana?"
        ana.give_password(OTHER_SECRET)
        assert ana.wait_for("password", PATIENCE_SECONDS).text == "The name or the password is wrong. Password for ana?"
        ana.give_password(SECRET)
        ana.wait_for("joined", PATIENCE_SECONDS)
        server.stop()
        ana.wait_for("lost", PATIENCE_SECONDS)
        server.start()
        ana.wait_for("back", PATIENCE_SECONDS)
    finally:
        ana.close()


def test_a_client_follows_its_own_change_of_the_password(server, accounts):
    with ChatClient("bob", server.address) as bob:
        bob.send(f"/register {SECRET}")
        bob.wait_for("is yours now", PATIENCE_SECONDS)
        bob.send(f"/password {OTHER_SECRET}")
        bob.wait_for("Your password is changed", PATIENCE_SECONDS)
        server.stop()
        bob.wait_for("lost", PATIENCE_SECONDS)
        with pytest.raises(PasswordRefused, match="the server is away"):
            bob.send(f"/password {SECRET}")
        server.start()
        bob.wait_for("back", PATIENCE_SECONDS)
    assert accounts.passwords["bob"] == OTHER_SECRET


def test_a_client_gives_no_password_to_who_asks_for_none(server):
    with ChatClient("bob", server.address) as bob:
        with pytest.raises(Exception, match="asks for no password"):
            bob.give_password(SECRET)
        with pytest.raises(PasswordRefused, match="at least 8 bytes"):
            bob.give_password("short")


@pytest.mark.clause("P35")
def test_no_password_goes_over_a_connection_that_others_can_read(server, accounts, monkeypatch):
    monkeypatch.setattr("chatlab.net.client.is_loopback", lambda address: False)
    with pytest.raises(Refused, match="the connection is not encrypted: join with TLS"):
        with ChatClient("ana", server.address, password=SECRET):
            pass
    with ChatClient("bob", server.address) as bob, pytest.raises(PasswordRefused, match="join with TLS"):
        bob.send(f"/register {SECRET}")
    assert not any(isinstance(request, Verify | Register) for request in accounts.asked)


@pytest.mark.clause("P35")
def test_a_server_asks_for_no_password_over_such_a_connection(engine, accounts, monkeypatch):
    monkeypatch.setattr("chatlab.net.server.is_loopback", lambda address: False)
    with engine(LOCAL, accounts=accounts, flood_control="none") as server, Person(server.address) as ana:
        assert ana.give_name("ana").startswith("! The name ana has a password, and everyone on the way could read")
        ana.send("bob", f"/register {SECRET}")
        assert ana.line().startswith("* Welcome, bob.")
        assert ana.line().startswith("! Not done: everyone on the way could read a password here")
    assert not any(isinstance(request, Register) for request in accounts.asked)


# ---- everything together: `chatlab serve --data` and `chatlab accounts` --------------------------------


def chatlab(*words: str, typed: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "chatlab", *words], cwd=ROOT, input=typed, capture_output=True, text=True, timeout=60
    )


@pytest.mark.clause("P35", "P36", "P37")
@pytest.mark.parametrize("engine", ["threads", "selectors"])
def test_accounts_survive_a_kill_and_no_password_stands_anywhere(tmp_path, engine):
    """By the real cost of a hash, and by another process that makes an operator while the server runs."""
    secrets = ["correct horse", "battery staple", "the boss is here", "a wrong guess"]
    words = ["--data", tmp_path, "--engine", engine, "--verbose"]
    said = ""
    with served(*words) as (process, address), Person(address, "bob") as bob, Person(address, "op") as op:
        bob.send(f"/register {secrets[0]}", f"/password {secrets[1]}", "/ping done")
        assert len(bob.lines_until("* pong done")) == 4  # op has joined
        added = chatlab("accounts", "add", "eva", "--operator", "--data", str(tmp_path), typed=f"{secrets[2]}\n")
        assert added.returncode == 0, added.stderr
        said += added.stdout + added.stderr
        op.send("/nick eva")
        assert op.line() == "! The name eva has an account: connect anew to come in with its password."
        process.kill()
        said += process.stderr.read()
    with served(*words) as (process, address), Person(address) as bob, Person(address) as eva:
        assert bob.give_name("bob") == "* Password for bob?"
        bob.send(secrets[3], secrets[1], "hello", "/ping here")
        assert [bob.line(), bob.line()] == [WRONG, "* Password for bob?"]
        assert bob.line().startswith("* Welcome, bob.")
        assert eva.give_name("eva") == "* Password for eva?"
        eva.send(secrets[2], "/ban bob 5", "/history", "close")
        assert bob.rest()[-1] == "! You were banned by eva for 5 minutes."
        read = "\n".join(eva.rest())
        assert "* bob was banned by eva for 5 minutes" in read
        process.kill()
        said += process.stderr.read()
    with served(*words) as (process, address), Person(address) as bob:
        assert bob.give_name("bob").startswith("! Try another name: bob is banned for ")
    listed = chatlab("accounts", "list", "--data", str(tmp_path)).stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [["bob", "-"], ["eva", "operator"]]
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert {"accounts.sqlite3", "chat.sqlite3"} <= set(kept) and b"hello" in b"".join(kept.values())
    for secret in secrets:
        assert secret not in said and secret not in read and secret not in listed
        assert not [name for name, content in kept.items() if secret.encode() in content]
