"""Training of an attribute branch: the trunk is frozen, so its maps are computed once for each augmented view."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np

from hemato_edge.errors import ConfigurationError, DataError
from hemato_training.attributes.origin import run_of
from hemato_training.augment.stain_and_optics import MARGIN, augment
from hemato_training.data.attributes import AttributeTable, read_attributes
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import Look, cells_of
from hemato_training.data.records import in_split
from hemato_training.networks.attribute_branch import ATTRIBUTES, TAPS, Standard, build_branch, front_of
from hemato_training.networks.attribute_loss import AttributeLoss, weighted_targets
from hemato_training.runs.files import ATTRIBUTES_FILE, MODEL_FILE, RUN_FILE, check_new_run
from hemato_training.runs.schedule import averaging_optimizer, compile_model, learnt_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.data.crops import Cells
    from hemato_training.progress import Reporter

    Maps = list[NDArray[np.float16]]

STRENGTHS = (0.0, 0.3, 0.3, 0.6)
"""Of the augmentation, by view in turn. Colours are among the attributes, so most views keep close to their own."""
_BATCH, _MAPS_BATCH = 64, 64
_WEIGHT_DECAY, _AVERAGE = 1e-2, 0.995
"""Of the optimiser; a short training averages over a tenth of its steps at most."""
_SEED_OF_VIEWS = 7


@dataclass(frozen=True, slots=True)
class Plan:
    """How the attributes are learnt.

    Attributes:
        views: augmented views of each cell.
        epochs: how often all views are shown.
        learning_rate: highest.
        seed: of all randomness.

    Raises:
        ConfigurationError: a number is not positive.
    """

    views: int = 6
    epochs: int = 10
    learning_rate: float = 2e-3
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.views, self.epochs) < 1 or self.learning_rate <= 0:
            raise ConfigurationError("Views, epochs and rate must be positive.", "Check the options.")


def learn_attributes(
    base: Path, data: Path, out: Path, plan: Plan, *, cache: Path | None = None, reporter: Reporter
) -> Path:
    """Train a branch for the attributes of a table beside the training cells: into `out`, a run for `convert`.

    Names stay as they are: the network of the run is copied, and nothing of it learns.

    Args:
        base: folder of a training run, or an int8 bundle.
        data: the directory that it was trained on.
        out: folder to write: model.keras and run.json of the run, and the branch as attributes.keras.
        plan: how.
        cache: folder for crops; "cells" in `out` unless named.
        reporter: receives progress.

    Returns:
        The branch's file.

    Raises:
        ConfigurationError: no branch fits the run's architecture.
        DataError: the run or the data are missing, no table describes a training cell, or `out` holds a run already.
        ModelError: the run has no readable model.
    """
    check_new_run(out)
    kept = cache or out / "cells"
    model, facts = run_of(base, data, kept, reporter)
    architecture = str(facts["settings"]["architecture"])
    if architecture not in TAPS:
        known = ", ".join(TAPS)
        raise ConfigurationError(
            f"There is no attribute branch for {architecture}, only for {known}.",
            "`hemato-edge convert --attributes` fits a linear head for any architecture.",
        )
    cells, looks, answers, table = _described_cells(facts, data, int(model.input_shape[1]), kept, reporter)
    front = front_of(model, TAPS[architecture])
    views = [maps_of(front, cells, looks, view, reporter) for view in range(plan.views)]
    branch = fit_branch(views, answers, [len(own) for own in table.values.values()], plan, reporter)
    facts["settings"]["attributes"] = f"branch, {plan.epochs} epochs of {plan.views} views, seed {plan.seed}"
    out.mkdir(parents=True, exist_ok=True)
    model.save(out / MODEL_FILE)
    branch.save(out / ATTRIBUTES_FILE)
    (out / RUN_FILE).write_text(json.dumps(facts, indent=1))
    return out / ATTRIBUTES_FILE


def _described_cells(
    facts: dict[str, Any], data: Path, size: int, cache: Path, reporter: Reporter
) -> tuple[Cells, dict[str, Look], NDArray[np.int64], AttributeTable]:
    """Training cells that the first table among the run's laboratories describes, with margin, and their answers."""
    for name in facts["data"]:
        table = read_attributes(data / name)
        if table is None:
            continue
        looks = {name: Look.from_json(facts["looks"][name])}
        cells = cells_of(in_split(load(data, (name,)), "train"), looks, size, cache, MARGIN, reporter)
        known, answers = table.of(cells.keys.tolist())
        if known.any():
            return cells.select(known), looks, answers, table
    raise DataError(f"No table in {data} describes a training cell.", "Put an attributes.csv beside the pictures.")


def maps_of(front: Any, cells: Cells, looks: Mapping[str, Look], view: int, reporter: Reporter) -> Maps:
    """What a branch reads of one augmented view of each cell.

    Args:
        front: from `networks.attribute_branch.front_of`.
        cells: n, cut with margin.
        looks: of their laboratories.
        view: number of the view; the first one is not augmented.
        reporter: receives progress.
    """
    size, strength = int(front.input_shape[1]), STRENGTHS[view % len(STRENGTHS)]
    front.jit_compile = keras.backend.backend() != "tensorflow"
    parts: list[list[NDArray[np.float16]]] = []
    for start in reporter.track(
        range(0, len(cells), _MAPS_BATCH), f"maps of view {view + 1}", -(-len(cells) // _MAPS_BATCH)
    ):
        images = np.zeros((_MAPS_BATCH, size, size, 3), np.float32)  # whole batches: no second graph is traced
        chosen = range(start, min(start + _MAPS_BATCH, len(cells)))
        for i, cell in enumerate(chosen):
            rng = np.random.default_rng([_SEED_OF_VIEWS, view, cell])
            seen = augment(cells.crops[cell], cells.stain(cell, looks), size, rng, strength)
            images[i] = cv2.cvtColor(seen, cv2.COLOR_BGR2RGB)
        parts.append([np.asarray(one)[: len(chosen)].astype(np.float16) for one in front.predict_on_batch(images)])
    return [np.concatenate(own) for own in zip(*parts, strict=True)]


def fit_branch(
    views: list[Maps],
    answers: NDArray[np.int64],
    sizes: list[int],
    plan: Plan,
    reporter: Reporter,
    name: str = ATTRIBUTES,
) -> Any:
    """A branch fitted to what it will read.

    Args:
        views: for each augmented view of the n cells the fine maps (n, h, w, c), the coarse maps and the pooled
            features (n, features), float16.
        answers: (n, attributes), index of the true value of each, -1 where it is not known.
        sizes: number of values of each attribute.
        plan: how.
        reporter: receives progress.
        name: of the output.

    Returns:
        The branch, from `build_branch`, for features as they are.
    """
    keras.utils.set_random_seed(plan.seed)
    standard = Standard(views[0][2].astype(np.float32))
    targets = weighted_targets(answers, sizes)
    first = views[0]
    shapes = (first[0].shape[1:], first[1].shape[1:], first[2].shape[1:])
    branch = build_branch(shapes, sum(sizes), name)
    batches = _Views(views, standard, targets, plan.seed)
    steps = plan.epochs * len(batches)
    compile_model(
        branch,
        averaging_optimizer(plan.learning_rate, steps, _WEIGHT_DECAY, max(0.0, min(_AVERAGE, 1 - 10 / steps))),
        AttributeLoss(sizes),
    )
    for epoch in reporter.track(range(plan.epochs), name, plan.epochs):
        batches.shuffle(epoch)
        loss = branch.fit(batches, epochs=1, shuffle=False, verbose=0).history["loss"][0]
        reporter.note(f"epoch {epoch + 1} of {plan.epochs}: loss {loss:.3f}")
    finished = build_branch(shapes, sum(sizes), name)  # without the optimiser's state
    finished.set_weights(learnt_weights(branch))
    standard.fold_into(finished)
    return finished


class _Views(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """Batches of one view each, in another order every epoch."""

    def __init__(self, views: list[Maps], standard: Standard, targets: NDArray[np.float32], seed: int) -> None:
        super().__init__()
        self._views, self._standard, self._targets, self._seed = views, standard, targets, seed
        self._batches: list[tuple[int, NDArray[np.intp]]] = []
        self.shuffle(0)

    def shuffle(self, epoch: int) -> None:
        """Draw the batches of an epoch."""
        rng = np.random.default_rng([self._seed, epoch])
        whole = [pair for view in range(len(self._views)) for pair in self._of(view, rng)]
        self._batches = [whole[place] for place in rng.permutation(len(whole))]

    def _of(self, view: int, rng: np.random.Generator) -> Iterator[tuple[int, NDArray[np.intp]]]:
        order = rng.permutation(len(self._targets))
        size = min(_BATCH, len(order))
        for start in range(0, len(order) - size + 1, size):
            yield view, order[start : start + size]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[tuple[NDArray[np.float32], ...], NDArray[np.float32]]:
        view, chosen = self._batches[index]
        fine, coarse, pooled = self._views[view]
        shown = (fine[chosen].astype(np.float32), coarse[chosen].astype(np.float32))
        return (*shown, self._standard.of(pooled[chosen].astype(np.float32))), self._targets[chosen]
