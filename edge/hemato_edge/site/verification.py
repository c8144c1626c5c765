"""Accuracy of the program's answers on one microscope, from reviewed cells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import ARTEFACT, CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.site.agreement import agreement
from hemato_edge.site.parts import ClassFigures, Share, Verification
from hemato_edge.site.strata import weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from hemato_edge.site.cells import Place, SiteCell

LEAST_CELLS, MOST_CELLS = 50, 200
"""Reviewed cells that a verification rests on, at least, and that it asks for, at most."""
MOST_UNCOVERED = 0.05
"""Share of the cells whose answer nobody looked at, at most."""
_ANSWERS = (*CLASSIFIER_LABELS, UNCLASSIFIED)
_TRUTHS = (*CLASSIFIER_LABELS, ARTEFACT)


def is_usable(cell: SiteCell) -> bool:
    """Whether a reader labelled the cell with certainty."""
    return cell.truth in _TRUTHS


def shortfall(cells: Sequence[SiteCell]) -> str | None:
    """Why these cells do not suffice for a verification, in words; None if they do."""
    usable = sum(map(is_usable, cells))
    if usable < LEAST_CELLS:
        return f"{usable} cells are named, {LEAST_CELLS} are needed"
    _, uncovered = weights(cells, is_usable)
    if uncovered > MOST_UNCOVERED * len(cells):
        return f"of {uncovered} of {len(cells)} cells nobody has named one that was answered alike"
    return None


def verify(
    cells: Sequence[SiteCell],
    model_sha256: str,
    head_sha256: str | None,
    created: datetime,
    answers: Mapping[Place, tuple[str, str]] | None = None,
) -> Verification:
    """The figures of one microscope.

    Args:
        cells: all that were judged on it, the named ones among them.
        model_sha256: of the classifier that answered.
        head_sha256: of the site's own head that answered with it; None without one.
        created: when this is reckoned, with a zone.
        answers: place of a cell → answer and best guess of a head that did not learn from it, in place of the recorded
            ones; cells without are left out.

    Raises:
        ValueError: they do not suffice, see `shortfall`.
    """
    lacking = shortfall(cells)
    if lacking is not None:
        raise ValueError(lacking)
    weight, _ = weights(cells, lambda cell: is_usable(cell) and (answers is None or cell.place in answers))
    usable = [cell for cell in cells if cell.place in weight]
    coverage = _counted(sum(cell.answer != UNCLASSIFIED for cell in cells), len(cells))
    if answers is not None:
        usable = [replace(cell, answer=answers[cell.place][0], best=answers[cell.place][1]) for cell in usable]
        coverage = _weighted(usable, weight, lambda cell: cell.answer != UNCLASSIFIED)
    answered = [cell for cell in usable if cell.answer != UNCLASSIFIED]
    return Verification(
        created=created,
        model_sha256=model_sha256,
        head_sha256=head_sha256,
        method="reviewed" if answers is None else "cross-validated",
        cells=len(usable),
        doubtful=sum(cell.truth == UNCLASSIFIED for cell in cells),
        sessions=len({cell.session for cell in usable}),
        readers=tuple(sorted({who for cell in usable for who in cell.words})),
        right=_weighted(answered, weight, lambda cell: cell.answer == cell.truth),
        accuracy=_weighted(usable, weight, lambda cell: cell.best == cell.truth),
        coverage=coverage,
        classes=tuple(_class_figures(label, usable) for label in CLASSIFIER_LABELS),
        counted=tuple(tuple(_number(usable, truth, answer) for answer in _ANSWERS) for truth in _TRUTHS),
        confusion=tuple(_weighted_row(usable, weight, truth) for truth in CLASSIFIER_LABELS),
        agreement=agreement(cells),
    )


def _weighted(cells: Sequence[SiteCell], weight: dict[Place, float], good: Callable[[SiteCell], bool]) -> Share:
    """A share of the cells as they occur: Clopper-Pearson at the effective number of cells.

    That number is L. Kish's (Survey Sampling, 1965); the interval for such samples E. L. Korn's and B. I. Graubard's
    (Survey Methodology 24 (1998), 193-201).
    """
    every = [weight[cell.place] for cell in cells]
    if not every:
        return Share(value=None, low=None, high=None)
    effective = sum(every) ** 2 / sum(one**2 for one in every)
    value = sum(one for one, cell in zip(every, cells, strict=True) if good(cell)) / sum(every)
    value = min(max(value, 0.0), 1.0)
    low, high = clopper_pearson(min(value * effective, effective), effective)
    return Share(value=value, low=min(low, value), high=max(high, value))


def _counted(count: int, total: int) -> Share:
    if not total:
        return Share(value=None, low=None, high=None)
    low, high = clopper_pearson(count, total)
    return Share(value=count / total, low=low, high=high)


def _number(cells: Sequence[SiteCell], truth: str, answer: str) -> int:
    return sum(cell.truth == truth and cell.answer == answer for cell in cells)


def _class_figures(label: str, cells: Sequence[SiteCell]) -> ClassFigures:
    true, named = (sum(getattr(cell, word) == label for cell in cells) for word in ("truth", "answer"))
    both = _number(cells, label, label)
    return ClassFigures(
        label=label, cells=true, right=_counted(both, true), named=named, named_right=_counted(both, named)
    )


def _weighted_row(cells: Sequence[SiteCell], weight: dict[Place, float], truth: str) -> tuple[float, ...]:
    """A row of the confusion matrix as cells occur, its sum the effective number of cells."""
    own = [cell for cell in cells if cell.truth == truth]
    every = [weight[cell.place] for cell in own]
    if not every:
        return (0.0,) * len(_ANSWERS)
    scale = sum(every) / sum(one**2 for one in every)
    return tuple(
        round(scale * sum(one for one, cell in zip(every, own, strict=True) if cell.answer == answer), 4)
        for answer in _ANSWERS
    )
