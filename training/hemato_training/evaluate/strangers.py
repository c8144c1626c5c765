"""A tried model against all that it never learnt: non-cells from fields, noise, and a class left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hemato_training.data.noncells import Strangers, gather_strangers
from hemato_training.metrics.out_of_distribution import figures_of_strangers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.evaluate.evaluation import Tried
    from hemato_training.metrics.out_of_distribution import OutlierFigures
    from hemato_training.progress import Reporter

    Scores = dict[str, NDArray[np.float32]]


def outliers_of(
    tried: Tried, data: Path, cache: Path, reporter: Reporter | None = None
) -> tuple[list[OutlierFigures], Scores]:
    """The figures of every kind of stranger, and the logits behind them.

    Known cells are the held-out ones of the laboratories trained on: other laboratories would mix a foreign stain in.

    Returns:
        The figures; and name of the set → logits (n, labels), "known" first, for drawing.

    Raises:
        DataError: if a set of fields is malformed.
    """
    judged, answers = tried.judged, tried.answers
    home = np.isin(answers.laboratories, tried.origin.trained_on)
    known = answers.select(home) if home.any() else answers
    scores: Scores = {"known": known.logits}
    gathered = gather_strangers(data, judged.size, cache, split=tried.split, reporter=reporter)
    logits = [judged.logits(own.images) for own in gathered]
    same = {own.laboratory: found for own, found in zip(gathered, logits, strict=True) if own.kind == "white"}
    if tried.left_out is not None:
        label, apart = tried.left_out
        if len(apart):
            gathered.append(Strangers(f"left out: {label}", "", np.empty((0, 0, 0, 3), np.uint8), apart.groups))
            logits.append(apart.logits)
    found = []
    for own, own_logits in zip(gathered, logits, strict=True):
        scores[f"{own.kind} {own.laboratory}".strip()] = own_logits
        if own.kind != "white":
            found.append(
                figures_of_strangers(
                    own,
                    own_logits,
                    known.logits,
                    known.groups,
                    temperature=judged.temperature,
                    threshold=judged.threshold,
                    same=same.get(own.laboratory),
                )
            )
    return found, scores
