"""The socket: real clients at a real door."""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import threading
import time
from pathlib import Path

import pytest
from waiting import DEADLINE_S

from hemato_edge.door.client import DoorClient
from hemato_edge.door.commands import Note, Picture, Start, State, Stop
from hemato_edge.door.messages import MAX_REQUEST_BYTES, Answer, DoorError
from hemato_edge.door.server import MOST_CONNECTIONS, Door
from hemato_edge.errors import OutletError, StoreError


class Counted:
    """Starts a session each time that it is asked to, slowly."""

    def __init__(self) -> None:
        self.sessions = 0
        self.slow = threading.Event()
        self.entered = threading.Event()
        self.slow.set()

    def start(self, command) -> Answer:
        self.entered.set()
        assert self.slow.wait(DEADLINE_S)
        self.sessions += 1
        return Answer({"session": self.sessions, "label": command.label})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "d.sock"


def failing(_) -> Answer:
    raise StoreError("The disk is full.", "Free some space.")


def broken(_) -> Answer:
    msg = "a fault"
    raise ZeroDivisionError(msg)


def test_a_command_is_handed_on_and_its_answer_comes_back(path: Path) -> None:
    run = Counted()
    with Door(path, {"start": run.start}), DoorClient(path) as client:
        assert client.ask(Start("tube 7", 100)).told == {"session": 1, "label": "tube 7"}


def test_a_picture_follows_its_line(path: Path) -> None:
    jpeg = os.urandom(300_000)
    with Door(path, {"frame": lambda c: Answer({"seq": c.after + 1}, jpeg)}), DoorClient(path) as client:
        for after in range(3):
            answer = client.ask(Picture(after, 640))
            assert (answer.told, answer.jpeg) == ({"seq": after + 1}, jpeg)


def test_the_same_key_starts_one_session_also_while_it_starts(path: Path) -> None:
    run = Counted()
    run.slow.clear()
    answers = []
    with Door(path, {"start": run.start}):

        def press() -> None:
            with DoorClient(path) as client:
                answers.append(client.ask(Start("x"), key="one press").told)

        presses = [threading.Thread(target=press) for _ in range(4)]
        for one in presses:
            one.start()
        assert run.entered.wait(DEADLINE_S)
        run.slow.set()
        for one in presses:
            one.join(DEADLINE_S)
        with DoorClient(path) as client:
            assert client.ask(Start("x"), key="another").told["session"] == 2
    assert answers == [{"session": 1, "label": "x"}] * 4


def test_refusals_keep_their_words_and_faults_become_words(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Door(path, {"start": failing, "stop": broken}), DoorClient(path) as client:
        with pytest.raises(DoorError, match="disk is full") as full:
            client.ask(Start())
        assert full.value.fix == "Free some space."
        with pytest.raises(DoorError, match="fault"):
            client.ask(Stop())
        with pytest.raises(DoorError, match="cannot note") as other:
            client.ask(Note("x"))
        assert other.value.kind == "not_now"
    assert "ZeroDivisionError" in caplog.text


def test_it_says_who_asked_and_never_what_a_sample_is_called(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Door(path, {"start": Counted().start}), DoorClient(path, by="phone 3") as client:
        client.ask(Start("Jane Doe"))
    assert "phone 3 asks at the door for start" in caplog.text
    assert "Jane Doe" not in caplog.text


def test_only_owner_and_group_may_come(path: Path) -> None:
    with Door(path, {}):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


def test_a_door_that_a_killed_run_left_is_replaced_and_a_living_one_is_not(path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(path))
    left.close()
    with Door(path, {}), pytest.raises(OutletError, match="Another run"):
        Door(path, {})
    path.write_text("not a socket")
    with pytest.raises(OutletError, match="no socket"):
        Door(path, {})
    assert path.read_text() == "not a socket"


def test_nobody_behind_the_door_is_told_with_what_to_do(path: Path) -> None:
    with DoorClient(path) as client, pytest.raises(DoorError, match="Nothing runs") as caught:
        client.ask(State())
    assert caught.value.kind == "shut"
    assert "run --wait" in caught.value.fix


def test_a_client_finds_a_door_that_was_opened_anew(path: Path) -> None:
    with DoorClient(path) as client:
        for session in (1, 2):
            with Door(path, {"state": lambda _, n=session: Answer({"session": n})}):
                assert client.ask(State()).told == {"session": session}


def test_what_is_done_when_it_closes_is_answered(path: Path) -> None:
    run, answers = Counted(), []
    run.slow.clear()
    door = Door(path, {"start": run.start})

    def press() -> None:
        with DoorClient(path) as client:
            answers.append(client.ask(Start()).told["session"])

    pressing = threading.Thread(target=press)
    pressing.start()
    assert run.entered.wait(DEADLINE_S)
    closing = threading.Thread(target=door.close)
    closing.start()
    while path.exists():
        time.sleep(0.01)
    run.slow.set()
    closing.join(DEADLINE_S)
    pressing.join(DEADLINE_S)
    assert answers == [1]


def test_closing_lets_those_go_who_wait(path: Path) -> None:
    entered, leave = threading.Event(), threading.Event()

    def wait(_) -> Answer:
        entered.set()
        leave.wait(DEADLINE_S)
        return Answer()

    door = Door(path, {"frame": wait})
    errors = []

    def watch() -> None:
        with DoorClient(path) as client:
            try:
                client.ask(Picture())
            except DoorError as error:
                errors.append(error.kind)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert entered.wait(DEADLINE_S)
    closing = threading.Thread(target=door.close)
    closing.start()
    closing.join(DEADLINE_S)
    watcher.join(DEADLINE_S)
    leave.set()
    assert not watcher.is_alive()
    assert errors == ["shut"]


@pytest.mark.parametrize(
    "sent",
    [b"\n", b"{}\n", b"[1]\n", b"\xff\xfe\n", b"x" * (MAX_REQUEST_BYTES + 10), b'{"v":1,' + b"[" * 2000 + b"\n"],
)
def test_nonsense_is_answered_and_the_door_stays_open(path: Path, sent: bytes) -> None:
    with Door(path, {"state": lambda _: Answer({"phase": "waiting"})}), DoorClient(path) as client:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.connect(str(path))
            one.settimeout(5)
            one.sendall(sent)
            told = json.loads(one.recv(10_000).splitlines()[0])
        assert told["ok"] is False
        assert told["kind"] in ("malformed", "version")
        assert client.ask(State()).told == {"phase": "waiting"}


def test_too_many_are_sent_away(path: Path) -> None:
    with Door(path, {"state": lambda _: Answer({})}):
        clients = [DoorClient(path) for _ in range(MOST_CONNECTIONS)]
        for client in clients:
            client.ask(State())
        with DoorClient(path) as late, pytest.raises(DoorError, match="Too many"):
            late.ask(State())
        clients[0].close()
        for client in clients[1:]:
            client.close()
