"""Figures as text."""

from __future__ import annotations

import pytest

from hemato_edge.views.report.figure import Figure
from hemato_edge.views.report.figures import (
    decimal,
    duration,
    fixed,
    fixed_with_ends,
    interval,
    printable,
    three_digits,
    with_ends,
)


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["12.3", "–", "0.1 – 8.4", "1,235", "0.12", "2 (1 – ∞)", "2.00 (1.00 – –) µm"]),
        ("de", ["12,3", "–", "0,1 – 8,4", "1\u202f235", "0,12", "2 (1 – ∞)", "2,00 (1,00 – –) µm"]),
    ],
)
def test_figures_have_the_marks_of_the_language(language: str, texts: list[str]) -> None:
    open_end = Figure(1.0, 2.0, None)
    assert texts == [
        decimal(12.345, language),
        decimal(None, language),
        interval((0.1, 8.4), language),
        three_digits(1234.6, language),
        three_digits(0.12, language),
        with_ends(open_end, language),
        fixed_with_ends(open_end, 2, "µm", language),
    ]
    assert fixed(2.5, 3, language).endswith("500")
    assert interval(None, language) == "–"


def test_what_would_move_a_cursor_is_a_dot() -> None:
    assert printable("a\x1b[2Jb\n") == "a·[2Jb·"
    assert printable("M\udcfcller") == "M\\xfcller"
    assert printable("a" * 500, 40) == "a" * 39 + "…"
    assert printable("a" * 40, 40) == "a" * 40


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7200, "2 h"), (90_061, "1 d 1 h")]
)
def test_lengths_of_time_have_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words
