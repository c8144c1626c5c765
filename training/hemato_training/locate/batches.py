"""Training batches of the locator: views drawn on the fly, with their target maps.

Epoch, seed and position determine every draw, so a resumed run continues identically.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import keras
import numpy as np

from hemato_edge.labels import KINDS
from hemato_edge.vision.locate.peaks import BOX_VALUES, STRIDE
from hemato_training.locate.targets import encode, ignore
from hemato_training.locate.views import draw_view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hemato_training.locate.views import Drawn

_ORDER, _VIEW = 2, 3


def draw_epoch(laboratories: Sequence[str], oversample: Mapping[str, int], seed: int, epoch: int) -> NDArray[np.intp]:
    """Indices of the fields of one epoch, shuffled; each repeated as `oversample` says for its data set, or once."""
    order = np.concatenate([np.full(oversample.get(name, 1), i, np.intp) for i, name in enumerate(laboratories)])
    np.random.default_rng([seed, epoch, _ORDER]).shuffle(order)
    return order


class LocatorBatches(keras.utils.PyDataset):  # type: ignore[misc]  # keras has no types
    """One epoch's batches: views (b, size, size, 3) float32 RGB 0…255, and heat and box targets of `encode`.

    Args:
        fields: at training scale.
        order: from `draw_epoch`.
        batch: views per batch; a last partial batch is dropped.
        red_cell_px: standard diameter of a red cell, pixels.
        batch: views a batch; a last partial batch is dropped.
        seed: of the run.
        epoch: number of the epoch.
        strength: of the augmentation.
        workers: threads that prepare batches ahead.
    """

    def __init__(
        self,
        fields: Sequence[Drawn],
        order: NDArray[np.intp],
        *,
        size: int,
        red_cell_px: float,
        batch: int,
        seed: int,
        epoch: int,
        strength: float,
        workers: int = 1,
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=False, max_queue_size=8)
        self._fields, self._order, self._size, self._red = fields, order, size, red_cell_px
        self._batch = min(batch, len(order))
        self._seed, self._epoch, self._strength = seed, epoch, strength

    def __len__(self) -> int:
        return len(self._order) // self._batch

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], tuple[NDArray[np.float32], NDArray[np.float32]]]:
        chosen = self._order[index * self._batch : (index + 1) * self._batch]
        side = self._size // STRIDE
        images = np.empty((len(chosen), self._size, self._size, 3), np.float32)
        heat = np.empty((len(chosen), side, side, 2 * len(KINDS)), np.float32)
        boxes = np.empty((len(chosen), side, side, (BOX_VALUES + 1) * len(KINDS)), np.float32)
        for i, field in enumerate(chosen):
            rng = np.random.default_rng([self._seed, self._epoch, _VIEW, index * self._batch + i])
            view = draw_view(self._fields[field], self._size, rng, self._strength)
            images[i] = cv2.cvtColor(view.image, cv2.COLOR_BGR2RGB)
            heat[i], boxes[i] = encode(view.boxes, view.kinds, self._size, self._red)
            ignore(heat[i], view.doubtful, view.doubtful_kinds)
        return images, (heat, boxes)
