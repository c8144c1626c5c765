"""Kappa against a worked example, and whose words count."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from hemato_edge.site.agreement import agreement, cohens_kappa
from hemato_edge.site.cells import SiteCell, words_by_cell
from hemato_edge.store.records import Relabel

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def test_kappa_of_a_worked_example() -> None:
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5, kappa 0.4."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    kappa, low, high = cohens_kappa(pairs)
    assert kappa == pytest.approx(0.4)
    # Clopper-Pearson of 35 of 50 is 0.5539 to 0.8214; (end - 0.5) / 0.5
    assert (low, high) == pytest.approx((0.108, 0.643), abs=1e-3)


def test_a_few_cells_that_all_agree_prove_little() -> None:
    kappa, low, high = cohens_kappa([("a", "a"), ("b", "b"), ("c", "c")])
    assert (kappa, high) == (1.0, 1.0)
    assert low < 0.2


def test_kappa_where_nothing_is_left_to_chance() -> None:
    assert cohens_kappa([("a", "a")] * 9) == (1.0, 1.0, 1.0)
    assert cohens_kappa([("a", "b"), ("b", "a")])[0] == pytest.approx(-1)
    with pytest.raises(ValueError, match="named by both"):
        cohens_kappa([])


def test_the_two_readers_with_most_cells_are_compared() -> None:
    def cell(number: int, **words: str) -> SiteCell:
        return SiteCell(1, 0, number, "neutrophil", "neutrophil", 0.9, None, words)

    cells = [cell(i, Ada="neutrophil", Bob="neutrophil") for i in range(8)]
    cells += [
        cell(8, Ada="monocyte", Bob="lymphocyte"),
        cell(9, Ada="monocyte", Cy="monocyte"),
        cell(10, Bob="basophil"),
    ]
    found = agreement(cells)
    assert found is not None
    assert (found.readers, found.cells, found.same) == (("Ada", "Bob"), 9, 8)
    assert agreement([cell(0, Ada="neutrophil")]) is None


def test_a_readers_last_word_counts_and_what_was_undone_does_not() -> None:
    def entry(number: int, who: str, after: str, undoes: int | None = None) -> Relabel:
        return Relabel(number, 1, 0, 0, NOON, who, "neutrophil", after, undoes)

    log = [entry(1, "Ada", "monocyte"), entry(2, "Ada", "lymphocyte"), entry(3, "Bob", "basophil")]
    assert words_by_cell(log) == {(0, 0): {"Ada": "lymphocyte", "Bob": "basophil"}}
    log += [entry(4, "Bob", "lymphocyte", undoes=3)]
    assert words_by_cell(log) == {(0, 0): {"Ada": "lymphocyte"}}
