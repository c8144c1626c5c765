"""Figures of a site: shares that hold for cells as they occur, and the line that every display shows."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest
from site_cells import drawn_cells, named

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import ARTEFACT, UNCLASSIFIED
from hemato_edge.site.cells import SiteCell
from hemato_edge.site.parts import Verification
from hemato_edge.site.strata import ask_for, strata
from hemato_edge.site.verification import shortfall, verify
from hemato_edge.site.verified_line import NOT_VERIFIED, verification_line

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
MODEL = "ab" * 32


def figures(cells: list[SiteCell]) -> Verification:
    return verify(cells, MODEL, None, NOON)


def test_all_cells_named_give_the_plain_shares() -> None:
    cells = drawn_cells(np.random.default_rng(1), 120, wrong=0.1, silent=0.2)
    everything = named(cells, {cell.place for cell, _ in cells})
    found = figures(everything)
    answered = [cell for cell in everything if cell.answer != UNCLASSIFIED]
    right = sum(cell.answer == cell.truth for cell in answered)
    assert found.cells == 120
    assert found.right.value == pytest.approx(right / len(answered))
    assert (found.right.low, found.right.high) == pytest.approx(clopper_pearson(right, len(answered)))
    assert found.coverage.value == pytest.approx(len(answered) / 120)
    assert sum(map(sum, found.counted)) == 120
    assert sum(map(sum, found.confusion)) == pytest.approx(120, abs=0.01)


def test_cells_in_doubt_that_were_looked_at_more_often_do_not_lower_the_share() -> None:
    """All of the unsure answers are reviewed, where the errors are, and a fifth of the sure ones."""
    off, raw_off = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        cells = drawn_cells(rng, 600, wrong=0.08, silent=0.0)
        halves = strata([cell for cell, _ in cells])
        unsure = {cell.place for (_, half), own in halves.items() for cell in own if half == "unsure"}
        chosen = {cell.place for cell, _ in cells if cell.place in unsure or rng.random() < 0.2}
        true_share = np.mean([cell.answer == truth for cell, truth in cells])
        raw_off.append(np.mean([cell.answer == truth for cell, truth in cells if cell.place in chosen]) - true_share)
        off.append(figures(named(cells, chosen)).right.value - true_share)  # type: ignore[operator]
    assert np.mean(raw_off) < -0.01
    assert abs(np.mean(off)) < 0.004


def test_the_interval_of_the_cells_that_were_asked_for_covers_the_truth() -> None:
    held, sessions = 0, 150
    for seed in range(sessions):
        cells = drawn_cells(np.random.default_rng(seed), 400, wrong=0.1, silent=0.25)
        plain = [cell for cell, _ in cells]
        asked = ask_for(plain, 80, lambda cell: False, {cell.place for cell in plain})
        right = figures(named(cells, {cell.place for cell in asked})).right
        true_share = np.mean([cell.answer == truth for cell, truth in cells if cell.answer != UNCLASSIFIED])
        assert right.low is not None
        assert right.high is not None
        held += right.low <= true_share <= right.high
    assert held / sessions >= 0.93


def test_the_line_says_the_cells_the_day_and_the_interval() -> None:
    cells = drawn_cells(np.random.default_rng(1), 100, wrong=0.0, silent=0.0)
    found = figures(named(cells, {cell.place for cell, _ in cells}))
    assert verification_line(found) == "verified on 100 cells on 2026-03-01: right of answered 100.0 % (96.4–100.0)"
    assert verification_line(None) == NOT_VERIFIED == "microscope not verified"


def test_finds_that_are_no_cells_count_as_wrong_and_doubtful_ones_not_at_all() -> None:
    cells = [
        SiteCell(1, i, 0, "neutrophil", "neutrophil", 0.99, "neutrophil", {"Ada": "neutrophil"}) for i in range(60)
    ]
    artefacts = [SiteCell(1, i, 1, "neutrophil", "neutrophil", 0.99, ARTEFACT, {"Ada": ARTEFACT}) for i in range(20)]
    doubtful = [
        SiteCell(1, i, 2, "neutrophil", "neutrophil", 0.99, UNCLASSIFIED, {"Ada": UNCLASSIFIED}) for i in range(5)
    ]
    found = figures(cells + artefacts + doubtful)
    assert (found.cells, found.doubtful) == (80, 5)
    assert found.right.value == pytest.approx(0.75)


def test_too_few_cells_or_answers_that_nobody_looked_at_are_told() -> None:
    cells = drawn_cells(np.random.default_rng(1), 300, wrong=0.0, silent=0.0)
    few = named(cells, {cell.place for cell, _ in cells[:40]})
    assert shortfall(few) == "40 cells are named, 50 are needed"
    only = named(cells, {cell.place for cell, _ in cells if cell.answer == "neutrophil"})
    assert "nobody has named one that was answered alike" in str(shortfall(only))
    with pytest.raises(ValueError, match="50 are needed"):
        figures(few)


def test_what_is_asked_for_fills_the_strata_evenly() -> None:
    cells = [cell for cell, _ in drawn_cells(np.random.default_rng(3), 500, wrong=0.05, silent=0.2)]
    asked = ask_for(cells, 80, lambda cell: False, {cell.place for cell in cells})
    sizes = {stratum: len(own) for stratum, own in strata(cells).items()}
    per = {stratum: sum(cell in own for cell in asked) for stratum, own in strata(cells).items()}
    assert len(asked) == 80
    full = [number for stratum, number in per.items() if number < sizes[stratum]]
    assert max(full) - min(full) <= 1
    assert asked == ask_for(cells, 80, lambda cell: False, {cell.place for cell in cells})


def test_what_was_named_is_not_asked_for_again() -> None:
    cells = [cell for cell, _ in drawn_cells(np.random.default_rng(3), 200, wrong=0.05, silent=0.2)]
    places = {cell.place for cell in cells}
    first = {cell.place for cell in ask_for(cells, 60, lambda cell: False, places)}
    more = ask_for(cells, 80, lambda cell: cell.place in first, places)
    assert len(more) == 20
    assert not first & {cell.place for cell in more}
    assert ask_for(cells, 80, lambda cell: False, set()) == []
