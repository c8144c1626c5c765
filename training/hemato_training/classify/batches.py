"""What the network sees in one epoch: balanced draws, augmented on the fly.

Epoch, seed and position fix every draw and every augmentation, so a resumed run goes on exactly as it would have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import keras
import numpy as np

from hemato_training.augment.stain_and_optics import augment
from hemato_training.networks.attribute_branch import ATTRIBUTES
from hemato_training.networks.backbones import LOGITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from hemato_training.classify.distillation import Teachers
    from hemato_training.data.crops import Cells, Look

BALANCE = 0.5
"""Laboratories, in each its classes, and in each class its slides are drawn in proportion to their size to this power:
1 as they come, 0 all alike. Half keeps a laboratory's thirteen monocytes from being shown thirty times an epoch."""
_ORDER, _AUGMENT = 0, 1


def draw_epoch(cells: Cells, oversample: float, seed: int, epoch: int, views: int = 0) -> NDArray[np.intp]:
    """Indices into `cells` for one epoch, shuffled: balanced over laboratories, then classes, then slides.

    Args:
        cells: what to draw from.
        oversample: how often a cell of a smaller laboratory comes per cell of the largest; 0 draws the laboratories in
            proportion to the root of their sizes.
        seed: of the run.
        epoch: number of the epoch.
        views: how many cells are drawn in all, by the root of the laboratories' sizes; 0 for as many as there are.
    """
    rng = np.random.default_rng([seed, epoch, _ORDER])
    names, sizes = np.unique(cells.laboratories, return_counts=True)
    if oversample:
        totals = sizes * np.where(sizes < sizes.max(), oversample, 1.0)
    else:
        totals = (views or len(cells)) * sizes**BALANCE / np.sum(sizes**BALANCE)
    drawn: list[NDArray[np.intp]] = []
    for name, total in zip(names, totals, strict=True):
        own = np.flatnonzero(cells.laboratories == name)
        for of_class, wanted in _shared_out(own, cells.labels[own], total):
            for members, share in _shared_out(of_class, cells.groups[of_class], wanted):
                drawn.append(_repeat(members, share, rng))
    order = np.concatenate(drawn)
    rng.shuffle(order)
    return order


def _shared_out(
    members: NDArray[np.intp], parts: NDArray[np.generic], total: float
) -> Iterator[tuple[NDArray[np.intp], float]]:
    """The members of each part, and its share of `total` by the power `BALANCE` of its size; all, if each is alone."""
    present, sizes = np.unique(parts, return_counts=True)
    if len(present) == len(members):
        yield members, total
        return
    shares = sizes**BALANCE / np.sum(sizes**BALANCE)
    for part, share in zip(present, shares, strict=True):
        yield members[parts == part], total * float(share)


def _repeat(members: NDArray[np.intp], wanted: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """`wanted` of the members, each equally often but for one; what is left of a whole one is drawn by chance."""
    number = int(wanted) + int(rng.random() < wanted - int(wanted))
    rounds = [rng.permutation(members) for _ in range(-(-number // len(members)))]
    chosen: NDArray[np.intp] = np.concatenate([*rounds, members[:0]])[:number]
    return chosen


class TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """One epoch's batches: images (b, size, size, 3) float32 RGB 0…255, one-hot labels (b, classes) float32.

    With attributes the targets are a dictionary by the names of the outputs, see `classify.joint.with_attributes`.

    Args:
        cells: crops with margin.
        looks: laboratory → its look.
        order: from `draw_epoch`.
        size: side of the network's input, pixels.
        classes: number of labels.
        batch: images per batch; a last partial batch is dropped.
        seed: of the run.
        epoch: number of the epoch.
        strength: of the augmentation.
        workers: threads that make batches ahead.
        teachers: whose answers are mixed into the targets, if any.
        teaching: their weight, 0 to 1.
        attributes: of all cells, from `classify.joint.attribute_targets`, to be learnt together with the labels.
    """

    def __init__(
        self,
        cells: Cells,
        looks: Mapping[str, Look],
        order: NDArray[np.intp],
        *,
        size: int,
        classes: int,
        batch: int,
        seed: int,
        epoch: int,
        strength: float,
        workers: int = 1,
        teachers: Teachers | None = None,
        teaching: float = 0.0,
        attributes: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=8)
        self._cells, self._order, self._size, self._batch = cells, order, size, min(batch, len(order))
        self._classes, self._seed, self._epoch, self._strength = classes, seed, epoch, strength
        self._looks, self._teachers, self._teaching, self._attributes = looks, teachers, teaching, attributes

    def __len__(self) -> int:
        return len(self._order) // self._batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Any]:
        chosen = self._order[index * self._batch : (index + 1) * self._batch]
        images = np.empty((len(chosen), self._size, self._size, 3), np.float32)
        for i, cell in enumerate(chosen):
            rng = np.random.default_rng([self._seed, self._epoch, _AUGMENT, index * self._batch + i])
            stain = self._cells.stain(int(cell), self._looks)
            view = augment(self._cells.crops[cell], stain, self._size, rng, self._strength)
            images[i] = cv2.cvtColor(view, cv2.COLOR_BGR2RGB)
        targets = np.eye(self._classes, dtype=np.float32)[self._cells.labels[chosen]]
        if self._teachers is not None:
            taught = self._teachers.answers(images)
            targets = (1 - self._teaching) * targets + np.float32(self._teaching) * taught
        targets = targets.astype(np.float32)
        if self._attributes is None:
            return images, targets
        return images, {LOGITS: targets, ATTRIBUTES: self._attributes[chosen]}
