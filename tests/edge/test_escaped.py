"""Texts from outside: they begin no line, move no cursor and turn no line of writing round."""

from __future__ import annotations

import pytest

from hemato_edge.escaped import on_one_line, without_controls

GONE = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("sign", ["\x1b", "\x07", "\x7f", "\x9b", "\u2028", "\N{RIGHT-TO-LEFT OVERRIDE}", "\r", "\0"])
def test_what_steers_a_terminal_is_shown_as_what_it_is_not(sign: str) -> None:
    assert on_one_line(f"a{sign}b") == without_controls(f"a{sign}b") == f"a{GONE}b"


def test_a_document_keeps_its_lines_and_a_log_has_none() -> None:
    assert without_controls("a\tb\nc") == "a\tb\nc"
    assert on_one_line("a\tb\nc") == f"a{GONE}b{GONE}c"


def test_letters_of_all_languages_stay() -> None:
    text = "Größe 20 µm, ١٢٣ שלום, 血 – ok"
    assert on_one_line(text) == without_controls(text) == text
