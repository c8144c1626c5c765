"""What a model answered to each cell, as a table for other programs."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.escaped import as_utf8
from hemato_edge.labels import CLASSIFIER_LABELS

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.evaluate.evaluation import Tried

COLUMNS: tuple[str, ...] = ("data_set", "image", "group", "split", "truth", "answer", "confidence", "answered")
"""Columns before those of the classes' probabilities."""


def write_predictions(tried: Tried, path: Path) -> None:
    """Write a CSV file with a row a cell: truth, answer, calibrated confidence, and the probability of each class.

    `answered` is 0 where the confidence is under the model's threshold: the device says "unclassified" there.

    Raises:
        DataError: if the file cannot be written.
    """
    probabilities = tried.answers.probabilities(tried.judged.temperature)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*COLUMNS, *CLASSIFIER_LABELS])
            for i, row in enumerate(probabilities):
                writer.writerow(
                    [
                        tried.answers.laboratories[i],
                        as_utf8(tried.cells.keys[i]),
                        tried.answers.groups[i],
                        tried.split,
                        CLASSIFIER_LABELS[tried.answers.labels[i]],
                        CLASSIFIER_LABELS[int(row.argmax())],
                        f"{row.max():.4f}",
                        int(row.max() >= tried.judged.threshold),
                        *(f"{share:.4f}" for share in row),
                    ]
                )
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror}).", "Name a place you may write to.") from error
