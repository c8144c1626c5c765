"""A terminal that is closed while a run counts, and one that is stopped (Ctrl-S): nothing is lost or held up."""

from __future__ import annotations

import os
import pty
import select
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from waiting import until

from hemato_edge.errors import StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import SessionRecord
from hemato_edge.store.recovery.check import check

STOP, GO_ON = b"\x13", b"\x11"


class Terminal:
    """A run in a terminal of its own."""

    def __init__(self, db: Path, *options: str, before: str = "") -> None:
        command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--camera", "demo", "--db", str(db), *options]
        command = [*before.split(), *command]
        self.child, self.fd = pty.fork()
        if self.child == 0:
            os.chdir(db.parent)  # `nohup` writes there
            os.environ["TERM"] = "xterm"
            os.execvp(command[0], command)  # noqa: S606 - the program itself
        self.status: int | None = None

    def read(self) -> bytes:
        """What has come by now."""
        said = b""
        with suppress(OSError):  # the other side is closed
            while select.select([self.fd], [], [], 0)[0] and (piece := os.read(self.fd, 65_536)):
                said += piece
        return said

    def ended(self) -> bool:
        if self.status is None:
            child, status = os.waitpid(self.child, os.WNOHANG)
            self.status = status if child else None
        return self.status is not None


def session(db: Path) -> SessionRecord | None:
    try:
        with Reader(db) as reader:
            return reader.session()
    except StoreError:
        return None


def fields(db: Path) -> int:
    with Reader(db) as reader:
        return reader.totals(1).fields


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "records.db"


def test_a_terminal_that_is_closed_ends_the_run_in_order(db: Path) -> None:
    terminal = Terminal(db)
    until(lambda: terminal.read() and session(db) is not None and fields(db) > 3, "the first fields")
    counted = fields(db)
    os.close(terminal.fd)
    until(terminal.ended, "the end")
    assert os.WIFEXITED(terminal.status)  # type: ignore[arg-type]
    assert os.WEXITSTATUS(terminal.status) == 1  # type: ignore[arg-type]  # the report could not be shown
    ended = session(db)
    assert ended is not None
    assert (ended.state, ended.ended_because) == ("finished", "stopped by SIGHUP")
    assert fields(db) >= counted
    assert check(db).good


def test_with_nohup_a_closed_terminal_ends_nothing(db: Path, tmp_path: Path) -> None:
    terminal = Terminal(db, "--max-frames", "40", before="nohup")
    until(lambda: session(db) is not None and fields(db) > 3, "the first fields")
    os.close(terminal.fd)
    until(terminal.ended, "the end")
    ended = session(db)
    assert ended is not None
    assert (ended.state, ended.ended_because) == ("finished", "40 frames were read")
    assert check(db).good


def test_a_stopped_terminal_holds_up_neither_the_count_nor_its_end(db: Path) -> None:
    terminal = Terminal(db, "--max-frames", "40")
    until(terminal.read, "the first output")
    os.write(terminal.fd, STOP)
    until(lambda: (found := session(db)) is not None and found.state == "finished", "the end on disk")
    assert not terminal.ended()  # it has something to say
    os.write(terminal.fd, GO_ON)
    said = b""

    def all_said() -> bool:
        nonlocal said
        said += terminal.read()
        return terminal.ended()

    until(all_said, "the end of the program")
    os.close(terminal.fd)
    assert terminal.status == 0
    assert b"Stopped: 40 frames were read." in said
    assert check(db).good
