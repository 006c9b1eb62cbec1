"""The wire's panel without a browser: what it shows, what its switches do, and what it leaves behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

pytest.importorskip("anywidget", reason='the panels need the lab: pip install -e ".[lab]"')

from test_panels import Page, chatlab_threads

from chatlab import ChatClient
from chatlab.lab import panels, wirepanel
from chatlab.lab.faults import KINDS, Delay
from chatlab.lab.panels import side_by_side
from chatlab.lab.servers import start_server, stop_server
from chatlab.lab.wire import Wire
from chatlab.lab.wirepanel import CONTROLS, WirePanel

KEY = "test of the wire's panel"


class WirePage(Page):
    """A browser that shows a wire's panel, and presses its buttons."""

    def press(self, what: str, **more: object) -> tuple[bool, dict]:
        """Ask, and return whether it was done, and the message that said so."""
        asked = self.ask(what, **more)
        self.wait_until(lambda: asked in self.answers)
        answer = next(m for m in self.messages if any(one["id"] == asked for one in m["answers"]))
        return self.answers[asked], answer

    def order(self, kind: str, **more: object) -> tuple[bool, dict]:
        return self.press("order", kind=kind, **more)


@pytest.fixture(autouse=True)
def look_often(monkeypatch):
    monkeypatch.setattr(panels, "LOOK_SECONDS", 0.01)


@pytest.fixture
def server():
    yield start_server(KEY)
    stop_server(KEY)


@pytest.fixture
def wire(server):
    with Wire(server.address, seed=1) as wire:
        yield wire


@pytest.fixture
def ana(wire):
    with ChatClient("ana", wire.address) as client:
        yield client


@pytest.fixture
def page(wire):
    return WirePage(WirePanel(wire))


# ---- what it shows -----------------------------------------------------------------------------


def test_it_shows_where_the_wire_listens_and_leads_and_who_is_on_it(wire, page, ana):
    page.wait_for(connections=[{"number": 1, "name": "ana", "held": 0, "faults": []}])
    shown = page.messages[-1]
    assert shown["address"] == f"127.0.0.1:{wire.address[1]}"
    assert shown["upstream"] == f"127.0.0.1:{wire.upstream[1]}"
    assert (shown["status"], shown["inForce"], shown["more"]) == ("running", [], 0)


def test_bytes_that_are_held_are_counted(wire, page, ana):
    wire.hang(direction="up")
    ana.send("x" * 99)
    page.wait_until(lambda: [one["held"] for one in page.messages[-1]["connections"]] == [100])


def test_a_fault_that_a_cell_has_ordered_is_shown(wire, page, ana):
    wire.delay(0.01)
    wire.hang(connection=1, direction="down")
    page.wait_until(lambda: len(page.messages[-1]["inForce"]) == 2)
    shown = page.messages[-1]
    assert shown["inForce"] == ["delay(seconds=0.01)", "hang(connection=1, direction='down')"]
    assert shown["connections"][0]["faults"] == ["delay(seconds=0.01)", "hang(direction='down')"]
    assert {
        "kind": "delay",
        "arguments": {"seconds": 0.01, "jitter_seconds": 0.0},
        "connection": 0,
        "direction": "",
        "share": 1.0,
        "words": "delay(seconds=0.01)",
    } in shown["steps"]
    wire.heal()
    page.wait_for(inForce=[])


def test_many_connections_are_cut_short(wire, page, monkeypatch):
    monkeypatch.setattr(wirepanel, "PAGE_LIMIT_CONNECTIONS", 2)
    with ChatClient("ana", wire.address), ChatClient("bob", wire.address), ChatClient("carla", wire.address):
        page.wait_for(more=1)
        assert [one["number"] for one in page.messages[-1]["connections"]] == [1, 2]


def test_a_page_that_is_reloaded_is_told_everything_again(wire, page):
    page.order("delay", arguments={"seconds": "0.3"})
    again = WirePage(page.panel)
    assert again.wait_for(inForce=["delay(seconds=0.3)"])["steps"][0]["arguments"]["seconds"] == 0.3


def test_nothing_is_written_while_nothing_changes(wire, page, monkeypatch):
    page.wait_for(inForce=[])
    looks = []
    faults = wire.faults_in_force
    monkeypatch.setattr(wire, "faults_in_force", lambda: looks.append(True) or faults())
    count = len(page.messages)
    while len(looks) < 20:
        pass
    assert len(page.messages) == count


# ---- what it does ------------------------------------------------------------------------------


def test_every_fault_has_a_control_with_its_arguments():
    assert {control.kind for control in CONTROLS} == set(KINDS) - {"heal"}
    for control in CONTROLS:
        arguments = KINDS[control.kind].__dataclass_fields__
        assert {entry.name for entry in control.inputs} == set(arguments), control.kind
        assert control.label and control.what
        assert all(entry.label for entry in control.inputs)


@pytest.mark.parametrize("control", [control for control in CONTROLS if control.lasts], ids=lambda one: one.kind)
def test_each_switch_can_be_switched_on_as_it_stands_and_off_again(wire, page, control):
    arguments = {entry.name: str(entry.start) for entry in control.inputs}
    done, answer = page.order(control.kind, arguments=arguments)
    assert done, answer["problem"]
    assert [step["kind"] for step in answer["steps"]] == [control.kind]
    assert answer["status"] == ("refusing" if control.kind == "refuse" else "running")
    done, answer = page.press("heal", kind=control.kind)
    assert done and answer["steps"] == []


def test_an_order_goes_to_the_connection_the_direction_and_the_share_that_were_chosen(wire, page, ana):
    page.order("delay", arguments={"seconds": "0,25"}, connection=1, direction="up", share="100")
    page.order("split", arguments={"size_bytes": "3"}, connection=0, direction="down", share="10")
    assert [str(step) for step in wire.script().steps] == [
        "delay(seconds=0.25, connection=1, direction='up')",
        "split(size_bytes=3, direction='down', share=0.1)",
    ]


def test_cut_and_close_end_connections(wire, page, ana):
    done, answer = page.order("cut", arguments={"after_seconds": "0", "also_new": False})
    assert done and answer["said"] == "cut(): done."
    ana.wait_for("lost")
    ana.wait_for("back")
    page.order("close", arguments={"after_seconds": "0", "also_new": True})
    ana.wait_for("lost")
    page.wait_for(inForce=["close(also_new=True)"])
    page.press("heal", kind="close")
    page.wait_for(inForce=[])


def test_heal_everything_heals_everything_whatever_is_chosen(wire, page, ana):
    wire.delay(0.01)
    wire.split(1)
    wire.refuse()
    done, answer = page.press("heal", connection=1, direction="up", share="nonsense")
    assert done and answer["inForce"] == [] and answer["status"] == "running"


# ---- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "more", "problem"),
    [
        ("delay", {"arguments": {"seconds": "fast"}}, "Delay, by: 'fast' is not a number; write one like 0.2."),
        ("split", {"arguments": {"size_bytes": "1.5"}}, "Split, size: '1.5' is not a whole number; write one like 10."),
        ("throttle", {"arguments": {"bytes_per_second": "0"}}, "bytes_per_second must be above 0"),
        ("delay", {"arguments": {"seconds": "-1"}}, "seconds must be a number, 0 or more"),
        ("delay", {"arguments": {"seconds": "inf"}}, "seconds must be a number, 0 or more"),
        ("corrupt", {"arguments": {"rate": "2"}}, "rate must be from 0 to 1"),
        ("hang", {"share": "0"}, "Share of the connections: write a number above 0, and 100 at the most."),
        ("hang", {"share": "many"}, "Share of the connections: 'many' is not a number; write one like 0.2."),
        ("hang", {"connection": 7}, "Connection 7 is over: choose another one, or all."),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_changes_nothing(wire, page, kind, more, problem):
    done, answer = page.order(kind, **more)
    assert not done
    assert problem in answer["problem"]
    assert "\n" not in answer["problem"]
    assert wire.script().steps == ()


def test_a_port_that_was_taken_meanwhile_is_told(wire, page):
    page.order("refuse")
    with socket.create_server(wire.address):
        done, answer = page.press("heal", kind="refuse")
        assert not done
        assert answer["problem"].startswith("Another program listens on 127.0.0.1:")
        assert answer["status"] == "refusing"
    done, answer = page.press("heal", kind="refuse")
    assert done and answer["problem"] == ""


def test_a_wire_that_was_stopped_is_told(wire, page):
    wire.stop()
    page.wait_for(status="stopped")
    done, answer = page.order("delay", arguments={"seconds": "1"})
    assert not done
    assert answer["problem"] == "The wire is stopped: run its cell again, or call wire.start()."


# ---- saving ------------------------------------------------------------------------------------


def test_what_happened_is_saved_as_a_test(wire, page, ana, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page.order("delay", arguments={"seconds": "0.01"})
    _, first = page.press("save")
    _, second = page.press("save")
    assert first["said"] == "Saved as test_saved_1.py in this folder. Run it with: pytest test_saved_1.py"
    assert second["said"].startswith("Saved as test_saved_2.py")
    assert "'ana', 'joins'" in (tmp_path / "test_saved_1.py").read_text(encoding="utf-8")


def test_what_cannot_be_saved_is_told(page):
    done, answer = page.press("save")
    assert not done
    assert answer["problem"] == "There is nothing to save yet: nobody has joined the chat through this wire."


# ---- its life ----------------------------------------------------------------------------------


def test_it_has_a_thread_only_while_it_is_shown(wire):
    panel = WirePanel(wire)
    assert "chatlab-panel-wire" not in chatlab_threads()
    page = WirePage(panel)
    page.wait_for(status="running")
    assert "chatlab-panel-wire" in chatlab_threads()
    panel.close()
    panel.close()
    assert "chatlab-panel-wire" not in chatlab_threads()
    assert wire.is_running
    page.wait_for(status="closed", closed=True)
    page.press("order", kind="hang")
    assert wire.faults_in_force() == []


def test_a_cell_that_is_run_twice_leaves_one_thread(server, wire, page):
    with Wire(server.address) as again:
        second = WirePage(WirePanel(again))
        second.wait_for(status="running", address=f"127.0.0.1:{again.address[1]}")
        assert chatlab_threads().count("chatlab-panel-wire") == 1
        assert page.panel.widget.comm is None
        other = WirePage(WirePanel(wire, title="the other wire"))
        other.wait_for(status="running")
        assert chatlab_threads().count("chatlab-panel-wire") == 2


def test_what_a_page_asks_never_waits_for_the_wire(server):
    with Wire(server.address) as wire:
        page = WirePage(WirePanel(wire))
        page.wait_for(status="running")
        asked = []
        # While the wire's thread is in on_event, a page asks.
        wire.on_event = lambda event: asked or asked.append(page.ask("order", kind="hang"))
        wire.do(Delay(0.01))
        page.wait_until(lambda: asked and asked[0] in page.answers)


def test_its_text_says_how_to_do_it_without_widgets(wire, page):
    text = "the wire's panel (live while a kernel runs); "
    text += "without it, write wire.delay(0.2), wire.cut() or wire.heal() in a cell"
    data, _ = page.panel._repr_mimebundle_()
    assert repr(page.panel) == data["text/plain"] == text
    assert "application/vnd.jupyter.widget-view+json" in data
    assert side_by_side(page.panel)._repr_mimebundle_()["text/plain"] == "the wire's panel (live while a kernel runs)"


def test_the_page_knows_no_way_to_turn_text_into_markup():
    source = Path(wirepanel.__file__).with_name("wirepanel.js").read_text(encoding="utf-8")
    ways = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "setHTML", "DOMParser", "Fragment")
    assert [way for way in ways if way in source] == []
