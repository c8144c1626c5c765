"""Figures as text, in the language of the report: decimals, intervals, lengths of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.escaped import as_utf8
from hemato_edge.languages import written_in

if TYPE_CHECKING:
    from hemato_edge.views.report.figure import Figure

NOTHING = "–"
"""Stands where there is no figure."""


def decimal(value: float | None, language: str = "en") -> str:
    """A figure with one decimal."""
    return NOTHING if value is None else fixed(value, 1, language)


def fixed(value: float, digits: int, language: str = "en") -> str:
    """A figure with so many decimals."""
    return written_in(language, f"{value:.{digits}f}")


def interval(ends: tuple[float, float] | None, language: str = "en") -> str:
    """The ends of an interval with one decimal."""
    return NOTHING if ends is None else f"{fixed(ends[0], 1, language)} – {fixed(ends[1], 1, language)}"


def three_digits(value: float | None, language: str = "en") -> str:
    """Three digits that count, without an exponent; None: what has no end."""
    if value is None:
        return "∞"
    return written_in(language, f"{value:,.0f}" if value >= 1000 else f"{value:.3g}")


def with_ends(figure: Figure, language: str = "en") -> str:
    """A figure and its interval, three digits each."""
    value, low, high = (three_digits(one, language) for one in (figure.value, figure.ci_low, figure.ci_high))
    return f"{value} ({low} – {high})"


def fixed_with_ends(figure: Figure, digits: int, unit: str, language: str = "en") -> str:
    """A figure and its interval with so many decimals, and its unit."""
    end = NOTHING if figure.ci_high is None else fixed(figure.ci_high, digits, language)
    return f"{fixed(figure.value, digits, language)} ({fixed(figure.ci_low, digits, language)} – {end}) {unit}"


def duration(seconds: float) -> str:
    """A length of time in the two largest units."""
    left = round(seconds)
    parts = []
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def printable(text: str, widest: int | None = None) -> str:
    """`text` without what would move a terminal's cursor, break a line or be no text.

    Args:
        text: of anybody's.
        widest: letters of it that are shown at most, the last of them an ellipsis; None for all.
    """
    shown = "".join(c if c.isprintable() else "·" for c in as_utf8(text))
    return shown if widest is None or len(shown) <= widest else f"{shown[: widest - 1]}…"
