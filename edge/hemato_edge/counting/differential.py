"""The white-cell differential: percent of each class with its 95 % interval. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import ARTEFACT, CLASSIFIER_LABELS, ERYTHROBLAST, LEUKOCYTES, UNCLASSIFIED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hemato_edge.counting.known_confusions import Confusions

LOW, HIGH = "low", "high"
"""Flags of a class whose whole interval lies below, or above, its reference interval."""
FLAGGED_FROM = 100
"""Minimum number of classified cells for a flag: the usual count of a manual differential."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of white cell.

    Attributes:
        label: one of `labels.LEUKOCYTES`.
        count: cells.
        percent: of the classified white cells, 0 to 100; None without any.
        ci_low, ci_high: 95 % interval of the percentage in the blood; None without any classified cell. See
            `Differential.corrected` for what it covers.
        estimate: the percentage corrected for the classifier's known confusions; None without its matrix.
        reference: the reference interval, percent, or None.
        flag: `LOW`, `HIGH`, or None.
    """

    label: str
    count: int
    percent: float | None
    ci_low: float | None
    ci_high: float | None
    estimate: float | None = None
    reference: tuple[float, float] | None = None
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Differential:
    """The differential of one session.

    Attributes:
        rows: one per class, in the order of `labels.LEUKOCYTES`, including classes not seen.
        classified: white cells with a class: the denominator of the percentages.
        unclassified: cells that the classifier rejected.
        erythroblasts: nucleated red cells; not white cells, and in no percentage.
        erythroblasts_per_100: their number per 100 classified white cells; None without white cells, and for a count
            of 0 by a model that does not know them.
        erythroblasts_interval: its 95 % interval; None without white cells, and for a model that does not know them.
        corrected: True where the intervals cover the classifier's confusions as well as sampling (`confusion`); False
            where they cover sampling alone (Clopper-Pearson).
    """

    rows: tuple[ClassRow, ...]
    classified: int
    unclassified: int
    erythroblasts: int
    erythroblasts_per_100: float | None
    erythroblasts_interval: tuple[float, float] | None
    corrected: bool

    @property
    def white_count_factor(self) -> float | None:
        """Correction factor from nucleated-cell count to white-cell count: 100 / (100 + NRBC per 100 WBC).

        For counters that include nucleated red cells; None where `erythroblasts_per_100` is.
        """
        per_100 = self.erythroblasts_per_100
        return None if per_100 is None else 100 / (100 + per_100)


def differential(
    labels: Mapping[str, int],
    reviewed: Mapping[str, int] | None = None,
    confusion: Confusions | None = None,
    reference: Mapping[str, tuple[float, float]] | None = None,
    unanswered: Collection[str] = (),
) -> Differential:
    """The differential of counts by label.

    Args:
        labels: label → cells; platelets and artefacts are ignored.
        reviewed: those of `labels` named by a reviewer: their class is taken as true.
        confusion: the classifier's known errors, classes in the order of `labels.CLASSIFIER_LABELS`. The intervals
            cover them, unless only the in-distribution matrix is known and has an empty row.
        reference: label → reference interval, percent.
        unanswered: classes that the model does not know, so that a count of 0 is no evidence. They have no interval,
            and a percentage only of cells that a reviewer named.

    Raises:
        ValueError: an unknown label, a negative count, or more reviewed cells than there are.
    """
    reviewed = reviewed or {}
    unknown = {*labels, *reviewed} - {*CLASSIFIER_LABELS, UNCLASSIFIED, ARTEFACT}
    if unknown or any(count < 0 for count in labels.values()):
        msg = f"not counts of cells by label: {dict(labels)}"
        raise ValueError(msg)
    if any(not 0 <= count <= labels.get(label, 0) for label, count in reviewed.items()):
        msg = f"{dict(reviewed)} is not a part of {dict(labels)}"
        raise ValueError(msg)
    counts = {label: labels.get(label, 0) for label in LEUKOCYTES}
    classified, erythroblasts = sum(counts.values()), labels.get(ERYTHROBLAST, 0)
    shares = _corrected(labels, reviewed, confusion) if classified and confusion else None
    rows = [_row(label, count, classified, shares) for label, count in counts.items()]
    rows = [_unanswered(row) if row.label in unanswered else row for row in rows]
    known = ERYTHROBLAST not in unanswered
    return Differential(
        rows=tuple(_compared(row, (reference or {}).get(row.label), classified) for row in rows),
        classified=classified,
        unclassified=labels.get(UNCLASSIFIED, 0),
        erythroblasts=erythroblasts,
        erythroblasts_per_100=100 * erythroblasts / classified if classified and (known or erythroblasts) else None,
        erythroblasts_interval=_per_100(erythroblasts, classified, shares) if known else None,
        corrected=shares is not None,
    )


@dataclass(frozen=True, slots=True)
class Shares:
    """Corrected figures by label, each (low, estimate, high): percent of white cells; erythroblasts per 100 of them."""

    by_label: dict[str, tuple[float, float, float]]


def _corrected(labels: Mapping[str, int], reviewed: Mapping[str, int], confusion: Confusions) -> Shares | None:
    from hemato_edge.counting.confusion import corrected_percentages  # numpy: only where it is needed

    if not (confusion.left_out or confusion.verified or all(map(sum, confusion.in_distribution))):
        return None
    seen = [reviewed.get(label, 0) for label in CLASSIFIER_LABELS]
    if sum(seen) == sum(labels.get(label, 0) for label in CLASSIFIER_LABELS):
        return None  # every cell was reviewed: only sampling error is left
    machine = [labels.get(label, 0) - by_person for label, by_person in zip(CLASSIFIER_LABELS, seen, strict=True)]
    unclassified = labels.get(UNCLASSIFIED, 0) - reviewed.get(UNCLASSIFIED, 0)
    found = corrected_percentages(machine, seen, confusion, len(LEUKOCYTES), unclassified)
    return Shares(dict(zip(CLASSIFIER_LABELS, found, strict=True)))


def _row(label: str, count: int, classified: int, shares: Shares | None) -> ClassRow:
    if not classified:
        return ClassRow(label, count, None, None, None)
    percent = 100 * count / classified
    if shares is None:
        low, high = clopper_pearson(count, classified)
        return ClassRow(label, count, percent, 100 * low, 100 * high)
    low, estimate, high = shares.by_label[label]
    # the interval always holds the counted percentage: an interval beside its own figure would confuse
    return ClassRow(label, count, percent, min(low, percent), max(high, percent), estimate)


def _unanswered(row: ClassRow) -> ClassRow:
    return ClassRow(row.label, row.count, row.percent if row.count else None, None, None)


def _compared(row: ClassRow, reference: tuple[float, float] | None, classified: int) -> ClassRow:
    """The row with its reference interval; flagged only if its whole interval lies outside."""
    flag = None
    if classified >= FLAGGED_FROM and reference is not None and row.ci_low is not None and row.ci_high is not None:
        flag = LOW if row.ci_high < reference[0] else HIGH if row.ci_low > reference[1] else None
    return ClassRow(row.label, row.count, row.percent, row.ci_low, row.ci_high, row.estimate, reference, flag)


def _per_100(erythroblasts: int, classified: int, shares: Shares | None) -> tuple[float, float] | None:
    """Interval of the nucleated red cells per 100 white cells."""
    if not classified:
        return None
    counted = 100 * erythroblasts / classified
    if shares is not None:
        low, _, high = shares.by_label[ERYTHROBLAST]
        return min(low, counted), max(high, counted)
    low, high = clopper_pearson(
        erythroblasts, erythroblasts + classified
    )  # converts the share e / (e + w) to the ratio e / w
    return 100 * low / (1 - low), 100 * high / (1 - high)
