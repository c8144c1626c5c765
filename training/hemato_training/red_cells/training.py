"""From the data sets to a head with its card and the figures of its report."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.about import __version__ as own_version
from hemato_edge.counting.red_cells.grades import GRADES
from hemato_edge.counting.red_cells.shapes import NORMAL, SHAPES
from hemato_edge.models.card import DataSource, Golden
from hemato_edge.models.shape_head import ShapeCard, ShapeFigures, write_shape_head
from hemato_edge.vision.red_cells.shape_features import NAMES
from hemato_training.red_cells.fit import CLIP, PENALTY, fit_head
from hemato_training.red_cells.judged import (
    SEEDS,
    HeldOut,
    Rate,
    named_so,
    over_chosen_slides,
    over_fields,
    over_slides,
)
from hemato_training.red_cells.material import ABSENT, PLAIN, healthy_pictures, named_cells, unnamed_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from hemato_edge.models.shape_head import ShapeHead
    from hemato_training.red_cells.material import Cells

THRESHOLD = 0.6
"""Least confidence of a name. Not tuned: on other fields 84 % of the names are then right, and 83 % of the cells have
one (`docs/results/red-cells.md`)."""
LEAST_RECALL_ABROAD = 50.0
"""Percent of a shape's cells on slides that were not learnt; below, a report does not tell the shape."""
MOST_FALSE = 0.5
"""Healthy cells that may be named so, by the percent from which the shape is graded; beyond, it is not told."""
GOLDEN = 16
FOREIGN = {"bccd": "bccd/images", "raabin_fields": "raabin_fields"}
"""Laboratories that are never learnt: name → folder of pictures. Red cells of most of their donors are normal."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A head, and what it does on what it did not learn.

    Attributes:
        head: it.
        cells: named cells by shape, each counted once.
        fields, slides: held-out answers, by field and by slide.
        elsewhere: set of pictures → percent of cells with a name, and of these the share of each shape.
        nested: answers by slide where the shapes that are told, too, were chosen without the slide.
        chosen: shape → how many of these choices took it.
        slide_count: how many choices there are.
    """

    head: ShapeHead
    cells: dict[str, int]
    fields: HeldOut
    slides: HeldOut
    elsewhere: dict[str, tuple[float, dict[str, Rate]]]
    nested: HeldOut
    chosen: dict[int, int]
    slide_count: int


def train_shapes(data: Path, out: Path, seeds: int = SEEDS, step: Callable[[str], None] = lambda _: None) -> Trained:
    """Fit, judge and write a head.

    Args:
        data: folder with chula/, pbc/ and, to judge it abroad, bccd/ and raabin_fields/.
        out: the file.
        seeds: how often the fields are dealt anew for judging.
        step: told what is done next.

    Raises:
        DataError: a data set is missing or malformed.
        OutputError: the file cannot be written.
    """
    step("measuring named cells")
    cells = named_cells(data / "chula")
    step("measuring healthy cells")
    healthy = unnamed_cells(healthy_pictures(data / "pbc", "train"), altered=True)
    step("judging on other fields and slides")
    draft = _card(cells, healthy, {})
    fields, slides = over_fields(cells, healthy, draft, seeds), over_slides(cells, healthy, draft)
    head = fit_head(cells.with_others(healthy), draft)
    step("judging on other laboratories")
    foreign = _foreign(data)
    elsewhere = {name: named_so(head, others) for name, others in foreign.items()}
    step("choosing the shapes anew without each slide")

    def told(others: Cells, answers: HeldOut) -> list[int]:
        learnt = fit_head(others.with_others(healthy), draft)
        false = [named_so(learnt, own) for own in foreign.values()]
        return [number for number in range(len(SHAPES)) if _is_told(number, answers, false)]

    nested, chosen = over_chosen_slides(cells, healthy, draft, told)
    figures = {shape: _figures(number, fields, slides, elsewhere) for number, shape in enumerate(SHAPES)}
    card = _card(cells, healthy, figures)
    golden = cells.features[:: max(1, len(cells) // GOLDEN)][:GOLDEN]
    write_shape_head(out, card, head, golden)
    plain = cells.shapes[cells.copies == PLAIN]
    counted = {shape: int((plain == number).sum()) for number, shape in enumerate(SHAPES)}
    return Trained(
        replace(head, card=card), counted, fields, slides, elsewhere, nested, chosen, len(np.unique(cells.slides))
    )


def _foreign(data: Path) -> dict[str, Cells]:
    """Red cells of laboratories and slides that are never learnt, most or all of them normal."""
    found = {"pbc val (healthy)": unnamed_cells(healthy_pictures(data / "pbc", "val"), altered=False)}
    for name, folder in FOREIGN.items():
        pictures = sorted((data / folder).rglob("*.jpg"))
        if pictures:
            found[name] = unnamed_cells(pictures, altered=False)
    return found


def _is_told(number: int, slides: HeldOut, elsewhere: Iterable[tuple[float, dict[str, Rate]]]) -> bool:
    """Whether a shape is found on slides that were not learnt, and healthy cells are seldom taken for it."""
    shape = SHAPES[number]
    found = slides.recall(number).value or 0.0
    return (
        shape != NORMAL and found >= LEAST_RECALL_ABROAD and _false(shape, elsewhere) <= MOST_FALSE * GRADES[shape][0]
    )


def _false(shape: str, elsewhere: Iterable[tuple[float, dict[str, Rate]]]) -> float:
    """The largest percent of cells of any laboratory elsewhere that are named so."""
    return max(shares[shape].value or 0.0 for _, shares in elsewhere)


def _figures(
    number: int, fields: HeldOut, slides: HeldOut, elsewhere: dict[str, tuple[float, dict[str, Rate]]]
) -> ShapeFigures:
    return ShapeFigures(
        cells=int((slides.truth == number).sum()),
        recall=_rounded(fields.recall(number)),
        precision=_rounded(fields.precision(number)),
        recall_abroad=_rounded(slides.recall(number)),
        precision_abroad=_rounded(slides.precision(number)),
        healthy=round(_false(SHAPES[number], elsewhere.values()), 2),
        reliable=_is_told(number, slides, elsewhere.values()),
    )


def _rounded(rate: Rate) -> float:
    return round(rate.value or 0.0, 2)


def _card(cells: Cells, healthy: Cells, figures: dict[str, ShapeFigures]) -> ShapeCard:
    return ShapeCard(
        name="red-cell shapes",
        task="red_cell_shapes",
        architecture="multinomial logistic regression on measured numbers, 8-bit weights",
        labels=SHAPES,
        features=NAMES,
        threshold=THRESHOLD,
        shapes=figures,
        absent=ABSENT,
        training=(
            DataSource(name="Chula-RBC-12", licence="MIT", split_sha256=_digest(cells), train=_plain(cells), val=0),
            DataSource(name="PBC", licence="CC BY 4.0", split_sha256=_digest(healthy), train=_plain(healthy), val=0),
        ),
        training_arguments={"penalty": PENALTY, "clip": CLIP},
        golden=Golden(count=GOLDEN, tolerance=0.001),
        versions={"hemato-edge": own_version, "numpy": np.__version__, "scikit-learn": version("scikit-learn")},
        created=datetime.now(timezone.utc).replace(microsecond=0),
        licence="MIT",
        attribution="Chula-RBC-12, Naruenatthanaset et al. 2021 (MIT); PBC data set, Acevedo et al. 2020 (CC BY 4.0)",
    )


def _plain(cells: Cells) -> int:
    return int((cells.copies == PLAIN).sum())


def _digest(cells: Cells) -> str:
    lines = sorted(
        f"{field},{shape}" for field, shape in zip(cells.fields.tolist(), cells.shapes.tolist(), strict=True)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
