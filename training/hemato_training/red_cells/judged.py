"""How well the head for red-cell shapes does on fields and slides that it did not learn, and on other laboratories."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.red_cells.shapes import SHAPES
from hemato_edge.evidence.bootstrap import interval, resample
from hemato_training.red_cells.fit import fit_head
from hemato_training.red_cells.material import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from numpy.typing import NDArray

    from hemato_edge.models.shape_head import ShapeCard, ShapeHead
    from hemato_training.red_cells.material import Cells

FOLDS, SEEDS = 5, 3
"""Parts into which the fields are dealt, and how often they are dealt anew."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share in percent with its 95 % interval by resampling the fields; None where there is no cell."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Names given to cells that were not learnt, all rounds of dealing together.

    Attributes:
        truth, answer: (n,) index into `SHAPES`; the answer is -1 for a cell without a name.
        fields: (n,) number of the field.
    """

    truth: NDArray[np.intp]
    answer: NDArray[np.intp]
    fields: NDArray[np.intp]

    def recall(self, shape: int) -> Rate:
        """Of the cells of a shape, those named so."""
        return _rate(self.truth == shape, self.answer == shape, self.fields)

    def precision(self, shape: int) -> Rate:
        """Of the cells named so, those that are."""
        return _rate(self.answer == shape, self.truth == shape, self.fields)

    @property
    def named(self) -> float:
        """Percent of the cells with a name."""
        return float(100 * (self.answer >= 0).mean())

    @property
    def right(self) -> Rate:
        """Of the cells with a name, those whose name is right."""
        return _rate(self.answer >= 0, self.answer == self.truth, self.fields)


def over_fields(cells: Cells, healthy: Cells, card: ShapeCard, seeds: int = SEEDS) -> HeldOut:
    """Each field is judged by a head that learnt others, of which some may be of its slide."""
    rounds = [_judged(cells, healthy, card, dealt) for seed in range(seeds) for dealt in [_dealt(cells, seed)]]
    return HeldOut(*(np.concatenate([getattr(one, name) for one in rounds]) for name in HeldOut.__dataclass_fields__))


def over_slides(cells: Cells, healthy: Cells, card: ShapeCard) -> HeldOut:
    """Each slide is judged by a head that learnt no field of it."""
    return _judged(cells, healthy, card, cells.slides)


def over_chosen_slides(
    cells: Cells, healthy: Cells, card: ShapeCard, told: Callable[[Cells, HeldOut], Collection[int]]
) -> tuple[HeldOut, dict[int, int]]:
    """Each slide is judged by shapes and a head that were chosen and learnt without it: nested cross-validation.

    Args:
        cells: named cells.
        healthy: learnt with them.
        card: of the heads.
        told: chooses the shapes that are told, from the cells of all slides but one and their answers by `over_slides`.

    Returns:
        The answers, -1 also where the shape was not chosen, of the cells of those slides; and shape → slides without
        which it was chosen.
    """
    rounds, chosen = [], Counter[int]()
    for slide in np.unique(cells.slides):
        others = cells.select(cells.slides != slide)
        shapes = set(told(others, over_slides(others, healthy, card)))
        chosen.update(shapes)
        found = _part(cells, healthy, card, cells.slides == slide)
        rounds.append(replace(found, answer=np.where(np.isin(found.answer, list(shapes)), found.answer, -1)))
    whole = HeldOut(*(np.concatenate([getattr(one, n) for one in rounds]) for n in HeldOut.__dataclass_fields__))
    return whole, dict(chosen)


def named_so(head: ShapeHead, cells: Cells) -> tuple[float, dict[str, Rate]]:
    """Percent of cells with a name, and of these the share of each shape: false ones where all donors are healthy."""
    plain = cells.select(cells.copies == PLAIN)
    answer = head.name(plain.features)
    named = answer >= 0
    return 100 * float(named.mean()), {
        shape: _rate(named, answer == number, plain.fields) for number, shape in enumerate(SHAPES)
    }


def _judged(cells: Cells, healthy: Cells, card: ShapeCard, parts: NDArray[np.intp]) -> HeldOut:
    found = [_part(cells, healthy, card, parts == part) for part in np.unique(parts)]
    return HeldOut(*(np.concatenate([getattr(one, name) for one in found]) for name in HeldOut.__dataclass_fields__))


def _part(cells: Cells, healthy: Cells, card: ShapeCard, held: NDArray[np.bool_]) -> HeldOut:
    head = fit_head(cells.select(~held).with_others(healthy), card)
    tried = cells.select(held & (cells.copies == PLAIN))
    return HeldOut(tried.shapes, head.name(tried.features), tried.fields)


def _dealt(cells: Cells, seed: int) -> NDArray[np.intp]:
    """(n,) part of each cell; fields of one commonest shape are spread over the parts."""
    rng = np.random.default_rng(seed)
    fields = np.unique(cells.fields)
    commonest = {field: np.bincount(cells.shapes[cells.fields == field]).argmax() for field in fields.tolist()}
    order = sorted(fields.tolist(), key=lambda field: (commonest[field], rng.random()))
    part = {field: number % FOLDS for number, field in enumerate(order)}
    return np.array([part[field] for field in cells.fields.tolist()], np.intp)


def _rate(among: NDArray[np.bool_], those: NDArray[np.bool_], fields: NDArray[np.intp]) -> Rate:
    """Percent of the cells `among`, (n,), that are `those`."""
    if not among.any():
        return Rate(None, None, None)
    own = fields.astype(np.str_)
    drawn = resample(own, np.zeros_like(own), 500)
    sums = drawn @ np.stack([among, among & those], axis=1).astype(np.float32)
    kept = sums[:, 0] > 0
    low, high = interval(100 * sums[kept, 1] / sums[kept, 0])
    return Rate(float(100 * those[among].mean()), low, high)


def pairs(found: HeldOut) -> Iterator[tuple[str, int, Rate, Rate]]:
    """Shape, its different cells, recall and precision."""
    for number, shape in enumerate(SHAPES):
        yield shape, int((found.truth == number).sum()), found.recall(number), found.precision(number)
