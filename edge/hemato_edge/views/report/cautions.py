"""What must be read before the percentages of a report, and what stands beside a class because of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.counting.differential import FLAGGED_FROM
from hemato_edge.labels import BY_NAME
from hemato_edge.languages import words_of
from hemato_edge.views.report.figures import duration
from hemato_edge.wall_clock import TOLERANCE_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hemato_edge.views.report.model import ClassShare, ClockSet, Report, Summary


def unknown_mark(summary: Summary, label: str, language: str = "en") -> str:
    """What stands beside a class that the model does not know; empty beside any other."""
    return words_of(language)("not known to the model") if label in summary.unanswered else ""


def mark(summary: Summary, row: ClassShare, language: str = "en") -> str:
    """What stands beside a class: its flag, or why it has none; `caution_lines` says more."""
    _ = words_of(language)
    if unknown := unknown_mark(summary, row.label, language):
        return unknown
    uneven = {one.label: one for one in getattr(summary, "uneven_rejection", ())}
    if row.label in uneven:
        return _("TOO LOW?") if uneven[row.label].more else _("TOO HIGH?")
    return {"low": _("LOW"), "high": _("HIGH")}.get(row.flag or "", "")


def caution_lines(report: Report, language: str = "en") -> Iterator[str]:
    """What must be read before the percentages."""
    _ = words_of(language)
    if not report.classified:
        yield _("Fewer than {n} cells: no cell was classified. Nothing is flagged LOW or HIGH.", n=FLAGGED_FROM)
    elif report.classified < FLAGGED_FROM:
        few = {"n": FLAGGED_FROM, "cells": report.classified}
        yield _("Fewer than {n} cells: {cells} were classified. Nothing is flagged LOW or HIGH.", **few)
    if report.unanswered:
        yield _(
            "This model does not know {names}: such cells were given other names or none, and the other percentages "
            "hold them.",
            names=_listed(report.unanswered, language),
        )
    for one in report.uneven_rejection:
        values = {
            "cells": _(BY_NAME[one.label].plural),
            "rejected": f"{100 * one.rejected / one.of_rejected:.0f}",
            "reviewed": one.of_rejected,
            "named": f"{100 * one.named / one.of_named:.0f}",
            "left": report.unclassified,
        }
        yield (
            _(
                "{cells} are left unclassified more often than other cells: {rejected} % of the {reviewed} "
                "unclassified cells that were reviewed, {named} % of the classified. Their percentage is too low, and "
                "its interval does not cover that: review the other {left}.",
                **values,
            )
            if one.more
            else _(
                "{cells} are left unclassified less often than other cells: {rejected} % of the {reviewed} "
                "unclassified cells that were reviewed, {named} % of the classified. Their percentage is too high, and "
                "its interval does not cover that: review the other {left}.",
                **values,
            )
        )
    if report.clock_set is not None:
        yield _clock_line(report.clock_set, language)


def _clock_line(clock: ClockSet, language: str) -> str:
    _ = words_of(language)
    if abs(clock.by_s) <= TOLERANCE_S:
        return _(
            "The clock was set {n} times while the session ran, at last back to where it was; its start is reckoned "
            "back from its last field.",
            n=clock.times,
        )
    by = duration(abs(clock.by_s))
    if clock.by_s > 0:
        return _(
            "The clock was set forward by {time} while the session ran; its start is reckoned back from its last "
            "field.",
            time=by,
        )
    return _(
        "The clock was set back by {time} while the session ran; its start is reckoned back from its last field.",
        time=by,
    )


def _listed(labels: Iterable[str], language: str) -> str:
    """Classes in a sentence; nouns are small but in German."""
    names = [words_of(language)(BY_NAME[label].plural) for label in labels]
    if language == "en":
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))).lower()
    return ", ".join(names if language == "de" else map(str.lower, names))
