"""What a run learns from and is judged by: the cells of all laboratories that may be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_training.augment.stain_and_optics import MARGIN
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import by_laboratory, in_split, split_hash, thin
from hemato_training.data.splitting.folds import in_fold
from hemato_training.data.splitting.white_cells import without_empty

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hemato_training.data.crops import Cells, Look
    from hemato_training.progress import Reporter
    from hemato_training.runs.settings import Settings


@dataclass(frozen=True, slots=True)
class Material:
    """What a run learns from and is judged by.

    Attributes:
        train: crops with margin, BGR as the camera gave them.
        val: crops as the device cuts them.
        val_images: (n, size, size, 3) uint8 RGB, `val` ready for the network.
        looks: laboratory → scale and stain.
        splits: laboratory → split hash.
        left_out: training pictures that show no white cell.
    """

    train: Cells
    val: Cells
    val_images: NDArray[np.uint8]
    looks: dict[str, Look]
    splits: dict[str, str]
    left_out: tuple[str, ...] = ()


def gather(settings: Settings, cache: Path, reporter: Reporter) -> Material:
    """Read, check and cut all cells of a run; crops come from `cache` where they are there already.

    Raises:
        DataError: if data are missing or leak, or a split is empty.
    """
    records = [r for r in load(settings.data, settings.laboratories) if r.label not in settings.without]
    if settings.per_class:
        records = thin(records, settings.per_class)
    if settings.fold:
        records = in_fold(records, settings.fold, settings.seed)
    train_records, val_records = in_split(records, "train"), in_split(records, "val")
    if not train_records or not val_records:
        raise DataError("One of the splits is empty.", "Check the column split of the index files.")
    train_records, left_out = without_empty(train_records, cache, reporter)
    for name, own in by_laboratory(left_out).items():
        examples = ", ".join(one.key for one in own[:3])
        reporter.note(f"{len(own)} training pictures of {name} show no white cell and are left out: {examples} …")
    looks = looks_of(records, cache, reporter)
    val = cells_of(val_records, looks, settings.size, cache, reporter=reporter)
    return Material(
        train=cells_of(train_records, looks, settings.size, cache, MARGIN, reporter),
        val=val,
        val_images=prepare_cells(val, looks),
        looks=looks,
        splits={name: split_hash(own) for name, own in by_laboratory(records).items()},
        left_out=tuple(f"{one.laboratory}/{one.key}" for one in left_out),
    )
