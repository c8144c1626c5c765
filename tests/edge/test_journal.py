"""The journal's native protocol, received by a real socket."""

from __future__ import annotations

import array
import logging
import os
import socket
import struct
import sys
from pathlib import Path

import pytest

from hemato_edge.journal import FIELDS, JournalHandler, goes_to_journal, log_level, set_up_logging


class Journal:
    """The receiving end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(10)

    def entry(self) -> dict[str, str]:
        data, ancillary, _, _ = self._socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        for _, _, sent in ancillary:
            fd = array.array("i", sent)[0]
            data = os.pread(fd, 1 << 24, 0)
            os.close(fd)
        return dict(self._fields(data))

    @staticmethod
    def _fields(data: bytes):
        """systemd.io/JOURNAL_NATIVE_PROTOCOL: NAME=value, or NAME, length and bytes for values of more lines."""
        while data:
            line, _, data = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                (length,) = struct.unpack("<Q", data[:8])
                value, data = data[8 : 8 + length], data[9 + length :]
            yield name.decode(), value.decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def journal(tmp_path: Path):
    journal = Journal(tmp_path / "journal")
    yield journal
    journal.close()


@pytest.fixture
def log(journal: Journal):
    log = logging.Logger("hemato_edge.test")
    handler = JournalHandler(journal.path)
    log.addHandler(handler)
    yield log
    handler.close()


def test_an_entry_has_priority_place_and_our_fields(journal: Journal, log: logging.Logger) -> None:
    log.handlers[0].fields.update(session=3, camera="demo slide 1")  # type: ignore[attr-defined]
    log.warning("camera %s", "stalled", extra={FIELDS: {"camera_state": "stalled", "camera": "other"}})
    entry = journal.entry()
    assert entry["MESSAGE"] == "camera stalled"
    assert entry["PRIORITY"] == "4"
    assert entry["SYSLOG_IDENTIFIER"] == "hemato-edge"
    assert entry["LOGGER"] == "hemato_edge.test"
    assert entry["CODE_FILE"] == __file__
    assert entry["HEMATO_EDGE_SESSION"] == "3"
    assert entry["HEMATO_EDGE_CAMERA"] == "other"
    assert entry["HEMATO_EDGE_CAMERA_STATE"] == "stalled"


@pytest.mark.parametrize(
    ("level", "priority"),
    [(50, "2"), (40, "3"), (30, "4"), (20, "6"), (10, "7"), (25, "6"), (5, "7"), (60, "2")],
)
def test_every_level_has_a_priority(journal: Journal, log: logging.Logger, level: int, priority: str) -> None:
    log.setLevel(1)
    log.log(level, "x")
    assert journal.entry()["PRIORITY"] == priority


def test_lines_of_a_value_cannot_forge_fields(journal: Journal, log: logging.Logger) -> None:
    log.error("one\nPRIORITY=0", extra={FIELDS: {"label": "a\nPRIORITY=0"}})
    entry = journal.entry()
    assert entry["MESSAGE"] == "one\nPRIORITY=0"
    assert entry["HEMATO_EDGE_LABEL"] == "a\nPRIORITY=0"
    assert entry["PRIORITY"] == "3"


def test_a_name_from_outside_begins_no_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(logging.WARNING)
    logging.getLogger("hemato_edge.test").warning("left out: %s", "a\n2026 CRITICAL forged\x1b[2J.jpg")
    line = "WARNING hemato_edge.test: left out: a?2026 CRITICAL forged?[2J.jpg\n"
    assert capsys.readouterr().err == line.replace("?", "\N{REPLACEMENT CHARACTER}")


def test_a_traceback_is_part_of_the_message(journal: Journal, log: logging.Logger) -> None:
    try:
        raise ValueError("far away")
    except ValueError:
        log.exception("it failed")
    message = journal.entry()["MESSAGE"]
    assert message.startswith("it failed\nTraceback")
    assert "far away" in message


def test_what_does_not_fit_into_a_datagram_comes_as_a_file(journal: Journal, log: logging.Logger) -> None:
    log.error("x" * 3_000_000)
    assert len(journal.entry()["MESSAGE"]) == 3_000_000


def test_when_the_journal_is_gone_the_line_is_not(
    journal: Journal, log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.close()
    journal.path.unlink()
    log.error("still here")
    assert "still here" in capsys.readouterr().err


def test_the_journal_is_known_by_device_and_inode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        stat = os.fstat(stream.fileno())
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino}")
        assert goes_to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", f"{stat.st_dev}:{stat.st_ino + 1}")  # redirected after systemd set it
        assert not goes_to_journal()
        monkeypatch.setenv("JOURNAL_STREAM", "nonsense")
        assert not goes_to_journal()
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not goes_to_journal()


@pytest.mark.parametrize(
    ("verbose", "quiet", "setting", "level"),
    [
        (0, False, None, logging.WARNING),
        (0, False, "info", logging.INFO),
        (0, False, "error", logging.ERROR),
        (1, False, "error", logging.INFO),
        (2, False, "error", logging.DEBUG),
        (9, False, None, logging.DEBUG),
        (0, True, "debug", logging.ERROR),
    ],
)
def test_flags_stand_over_the_setting(
    verbose: int, quiet: bool, setting: str | None, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert log_level(verbose, quiet=quiet, setting=setting) == level


def test_without_a_journal_lines_go_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        set_up_logging(logging.INFO)
        logging.getLogger("hemato_edge.x").info("hello")
        assert capsys.readouterr().err == "INFO hemato_edge.x: hello\n"
    finally:
        root.handlers[:] = before
        root.setLevel(level)
