"""Errors: one clean line, and a family for each exit code."""

from __future__ import annotations

from hemato_edge.errors import CameraError, CameraFault, HematoEdgeError, StoreError


def test_a_message_is_one_line_that_steers_no_terminal() -> None:
    shown = str(StoreError("no \x1b[2J file\n.db", "Do\tthat."))
    assert shown == "no \N{REPLACEMENT CHARACTER}[2J file\N{REPLACEMENT CHARACTER}.db Do\N{REPLACEMENT CHARACTER}that."


def test_the_family_is_that_of_the_exit_code() -> None:
    assert CameraFault("hang", "It hangs.").family == CameraError("It is gone.").family == "CameraError"
    assert StoreError("x").family == "StoreError"
    assert HematoEdgeError("x").family == "HematoEdgeError"
