"""Texts from outside: they begin no line, move no cursor and turn no line of writing round."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hemato_edge
from hemato_edge.escaped import json_text, on_one_line, without_controls

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


def test_json_holds_no_byte_that_is_no_text() -> None:
    text = json_text({"M\udcfcller": ["a\udcff.jpg", "ü"]}, ensure_ascii=False)
    assert json.loads(text.encode()) == {"M\\xfcller": ["a\\xff.jpg", "ü"]}


@pytest.mark.parametrize("place", ["cli", "views"])
def test_whatever_is_printed_or_exported_as_json_passes_there(place: str) -> None:
    modules = [*(Path(hemato_edge.__file__).parent / place).rglob("*.py")]
    past = [module.name for module in modules if "json.dumps(" in module.read_text(encoding="utf-8")]
    assert set(past) <= {"class_folders.py", "metrics.py"}  # numbers, hashes and our own words alone
