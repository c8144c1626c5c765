"""The languages: no text lacks a translation, no value is lost, and numbers are written as there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import date
from typing import get_args

import pytest
from spoken_texts import PACKAGE, RECORDED, said_by_names, said_in_modules, said_in_templates

from hemato_edge.languages import (
    LANGUAGES,
    Language,
    catalogue_of,
    language_of,
    number_in,
    recorded_words_of,
    words_of,
    written_in,
)
from hemato_edge.site.verified_line import verified_line

OTHERS = [code for code in LANGUAGES if code != "en"]


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_of_page_or_report_lacks_a_translation(code: str) -> None:
    said = said_in_templates() | said_in_modules() | said_by_names()
    assert sorted(said - set(catalogue_of(code))) == []
    assert all(text.strip() for text in catalogue_of(code).values())


def test_no_text_is_left_that_nobody_says() -> None:
    said = said_in_templates() | said_in_modules() | said_by_names()
    assert sorted(set(catalogue_of("de")) - said) == []


@pytest.mark.parametrize("code", OTHERS)
def test_the_same_values_stand_in_every_text(code: str) -> None:
    for english, text in catalogue_of(code).items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", english)), english


def test_every_catalogue_has_the_same_keys_and_is_sorted() -> None:
    keys = [list(catalogue_of(code)) for code in OTHERS]
    assert all(one == sorted(one) for one in keys)
    assert all(one == keys[0] for one in keys)
    assert {path.stem for path in (PACKAGE / "words").iterdir()} == set(OTHERS)
    assert get_args(Language) == tuple(LANGUAGES)


def written_in_code() -> Iterator[str]:
    """Every text of the package's modules; a value in it is `{}`."""
    for module in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)


def test_what_the_store_keeps_is_said_so_in_the_code() -> None:
    assert {re.sub(r"\{\w+\}", "{}", text) for text in RECORDED} - set(written_in_code()) == set()


@pytest.mark.parametrize("method", ["reviewed", "cross-validated"])
@pytest.mark.parametrize("right", [(0.98, 0.93, 0.995), (None, None, None)])
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_recorded_line_is_told_in_the_language_with_its_values(
    code: str, right: tuple[float | None, float | None, float | None], method: str
) -> None:
    line = verified_line(100, date(2026, 3, 1), right, method)
    told = recorded_words_of(code)(line)
    assert (told == line) is (code == "en")
    assert "100" in told
    assert "2026-03-01" in told
    if right[0] is not None:
        assert number_in(code)(98.0, 1) in told
        assert number_in(code)(99.5, 1) in told


def test_recorded_sentences_are_told_one_by_one_with_what_they_list() -> None:
    recorded = recorded_words_of("de")
    assert recorded("said by nobody") == "said by nobody"
    told = "93 % of a frame is slide; left out: bars, a dark rim. The mask is the calibration profile's."
    first, second = "93 % eines Bildes sind Ausstrich; ausgelassen: Balken, ein dunkler Rand.", "Die Maske ist die"
    assert recorded(told).startswith(f"{first} {second}")
    assert (
        recorded("from here to there now") == "from here to there now"
    )  # three words of a text are too few to know it


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, None, "en"),
        ("sw", "de", "sw"),
        (None, "de-AT,de;q=0.9,en;q=0.8", "de"),
        (None, "nl,pt-BR;q=0.7", "pt"),
        ("xx", "../..", "en"),
    ],
)
def test_who_chose_gets_it_and_else_the_browser_decides(chosen: str, accepted: str, language: str) -> None:
    assert language_of(chosen, accepted) == language


def test_numbers_have_the_decimal_mark_of_the_language() -> None:
    assert [number_in(code)(12.345, 1) for code in ("en", "de", "hi", "fr")] == ["12.3", "12,3", "12.3", "12,3"]
    assert number_in("de")(3.0, 0) == "3"
    assert written_in("fr", "1,234.5") == "1\u202f234,5"
    assert written_in("hi", "1,234.5") == "1,234.5"


def test_a_text_without_translation_stays_english() -> None:
    assert words_of("de")("nobody says {n}", n=3) == "nobody says 3"
