"""What is said at the door: read back as it was meant, or refused by name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemato_edge.door.commands import COMMANDS, Note, Picture, Relabel, Start, State, Stop, Undo
from hemato_edge.door.messages import (
    MAX_REQUEST_BYTES,
    VERSION,
    Answer,
    DoorError,
    Request,
    parse_answer,
    parse_request,
    refusal,
)


@pytest.mark.parametrize(
    "command",
    [
        State(),
        Picture(7, 320),
        Start("tube 7, äöü", 100),
        Stop(),
        Note("clumps"),
        Relabel(1, 2, 3, "monocyte", "Ada", "lymphocyte"),
        Undo(1, "Ada"),
    ],
)
def test_a_request_is_read_back(command) -> None:
    request = Request(command, "key 1", "phone")
    assert parse_request(request.line()) == request


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"v": VERSION + 1}, "version"),
        ({"command": "format_disk"}, "unknown"),
        ({"command": ["start"]}, "unknown"),
        ({"arguments": [1]}, "malformed"),
        ({"arguments": {"label": 5}}, "malformed"),
        ({"arguments": {"label": "x" * 201}}, "malformed"),
        ({"arguments": {"label": "a\x1b[2J"}}, "malformed"),
        ({"arguments": {"target": True}}, "malformed"),
        ({"arguments": {"target": -1}}, "malformed"),
        ({"arguments": {"target": 1.5}}, "malformed"),
        ({"arguments": {"path": "/etc/passwd"}}, "malformed"),
        ({"key": "k" * 65}, "malformed"),
        ({"command": "frame", "arguments": {"width": 641}}, "malformed"),
        ({"command": "note", "arguments": {"text": "  "}}, "malformed"),
        ({"command": "relabel", "arguments": {"label": "blast", "who": "Ada"}}, "malformed"),
        ({"command": "relabel", "arguments": {"label": "monocyte", "who": ""}}, "malformed"),
    ],
)
def test_what_is_out_of_bounds_is_refused(changes: dict[str, object], kind: str) -> None:
    said = {"v": VERSION, "command": "start", "key": "", "by": "", "arguments": {}} | changes
    with pytest.raises(DoorError) as caught:
        parse_request(json.dumps(said).encode())
    assert caught.value.kind == kind


@given(st.binary(max_size=300))
def test_bytes_are_a_request_or_a_refusal(line: bytes) -> None:
    try:
        request = parse_request(line)
    except DoorError as error:
        with pytest.raises(DoorError, match=r".+"):
            parse_answer(refusal(error))
    else:
        assert request.command.name in COMMANDS


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


_NAMES = ("label", "target", "after", "width", "text", "session", "field", "cell", "who")


@given(
    st.sampled_from(sorted(COMMANDS)),
    st.dictionaries(st.text(max_size=8) | st.sampled_from(_NAMES), _VALUES, max_size=6),
    _VALUES,
)
def test_arguments_of_any_kind_are_taken_or_refused(command: str, arguments: dict[str, object], key: object) -> None:
    said = {"v": VERSION, "command": command, "key": key, "by": "", "arguments": arguments}
    try:
        request = parse_request(json.dumps(said).encode())
    except DoorError:
        return
    assert request.command.name == command


def test_a_request_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(DoorError, match="too long"):
        Request(Start("ä" * 200), "k", "\N{SNOWMAN}" * MAX_REQUEST_BYTES).line()


def test_an_answer_tells_how_long_its_picture_is() -> None:
    line, _, rest = Answer({"seq": 3}, b"\xff\xd8\n\xff").content().partition(b"\n")
    assert parse_answer(line) == {"seq": 3, "jpeg": 4}
    assert rest == b"\xff\xd8\n\xff"
