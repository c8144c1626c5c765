"""What the network sees in one epoch: balanced draws, augmented on the fly.

Epoch, seed and position fix every draw and every augmentation, so a resumed run goes on exactly as it would have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import keras
import numpy as np

from hemato_training.augment.stain_and_optics import augment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hemato_training.classify.distillation import Teachers
    from hemato_training.data.crops import Cells, Look

BALANCE = 0.5
"""Classes are drawn in proportion to their size to this power: 1 as they come, 0 all alike. Half keeps a laboratory's
thirteen monocytes from being shown thirty times an epoch."""
_ORDER, _AUGMENT = 0, 1


def draw_epoch(cells: Cells, oversample: Mapping[str, float], seed: int, epoch: int) -> NDArray[np.intp]:
    """Indices into `cells` for one epoch, shuffled.

    Args:
        cells: what to draw from.
        oversample: laboratory → how often its cells come on average; 1 unless named.
        seed: of the run.
        epoch: number of the epoch.
    """
    rng = np.random.default_rng([seed, epoch, _ORDER])
    drawn: list[NDArray[np.intp]] = []
    for name in np.unique(cells.laboratories):
        own = cells.laboratories == name
        total = np.count_nonzero(own) * oversample.get(str(name), 1.0)
        present, sizes = np.unique(cells.labels[own], return_counts=True)
        shares = sizes**BALANCE / np.sum(sizes**BALANCE)
        for label, share in zip(present, shares, strict=True):
            members = np.flatnonzero(own & (cells.labels == label))
            drawn.append(_repeat(members, max(1, round(total * share)), rng))
    order = np.concatenate(drawn)
    rng.shuffle(order)
    return order


def _repeat(members: NDArray[np.intp], wanted: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """`wanted` of the members, each equally often but for one."""
    rounds = [rng.permutation(members) for _ in range(-(-wanted // len(members)))]
    chosen: NDArray[np.intp] = np.concatenate(rounds)[:wanted]
    return chosen


class TrainingBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """One epoch's batches: images (b, size, size, 3) float32 RGB 0…255, one-hot labels (b, classes) float32.

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
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=8)
        self._cells, self._order, self._size, self._batch = cells, order, size, min(batch, len(order))
        self._classes, self._seed, self._epoch, self._strength = classes, seed, epoch, strength
        self._looks, self._teachers, self._teaching = looks, teachers, teaching

    def __len__(self) -> int:
        return len(self._order) // self._batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
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
        return images, targets.astype(np.float32)
