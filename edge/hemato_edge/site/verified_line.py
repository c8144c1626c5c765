"""The line that states whether a microscope is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from hemato_edge.site.parts import Verification

NOT_VERIFIED = "microscope not verified"
_VERIFIED = "verified on {cells} cells on {date}"
_RIGHT = ": right of answered {right} % ({low}–{high})"
_UNANSWERED = ": none of them was answered"
VERIFIED_LINES = tuple(
    f"{_VERIFIED}{method}{ends}" for method in ("", " (cross-validated)") for ends in (_RIGHT, _UNANSWERED)
)
"""All lines of a verified microscope, their values left open: what translations are looked up by."""


def verification_line(found: Verification | None) -> str:
    """The statement about a microscope in every display, report and message: the only place where it is worded."""
    if found is None:
        return NOT_VERIFIED
    right = found.right
    return verified_line(found.cells, found.created, (right.value, right.low, right.high), found.method)


def verified_line(
    cells: int, on: date, right: tuple[float | None, float | None, float | None], method: str = "reviewed"
) -> str:
    """The line of a verified microscope.

    Args:
        cells: reviewed.
        on: when.
        right: of the answered ones, the share that is right, and the ends of its interval; None where none was.
        method: see `Verification`.
    """
    value, low, high = right
    start = _VERIFIED if method == "reviewed" else f"{_VERIFIED} ({method})"
    values = {"cells": cells, "date": f"{on:%Y-%m-%d}"}
    if value is None or low is None or high is None:
        return f"{start}{_UNANSWERED}".format(**values)
    shares = {"right": value, "low": low, "high": high}
    return f"{start}{_RIGHT}".format(**values, **{name: f"{100 * share:.1f}" for name, share in shares.items()})
