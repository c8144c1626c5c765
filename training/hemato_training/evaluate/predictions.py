"""What a model answered to each cell, as a table for other programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from hemato_edge.errors import DataError
from hemato_edge.escaped import as_utf8
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.output_files import write_aside

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.evaluate.evaluation import Tried

COLUMNS: tuple[str, ...] = ("data_set", "image", "group", "split", "truth", "answer", "confidence", "answered")
"""Columns before those of the classes' probabilities."""


def write_predictions(tried: Tried, path: Path) -> None:
    """Write a CSV file with a row a cell: truth, answer, calibrated confidence, and the probability of each class.

    `answered` is 0 where the confidence is under the model's threshold: the device says "unclassified" there.

    Raises:
        DataError: its folder cannot be made.
        OutputError: it cannot be written, or what lies there is no such table.
    """
    probabilities = tried.answers.probabilities(tried.judged.temperature)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([*COLUMNS, *CLASSIFIER_LABELS])
    for i, row in enumerate(probabilities):
        writer.writerow(
            [
                tried.answers.laboratories[i],
                as_utf8(tried.cells.keys[i]),
                as_utf8(tried.answers.groups[i]),
                tried.split,
                CLASSIFIER_LABELS[tried.answers.labels[i]],
                CLASSIFIER_LABELS[int(row.argmax())],
                f"{row.max():.4f}",
                int(row.max() >= tried.judged.threshold),
                *(f"{share:.4f}" for share in row),
            ]
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror}).", "Name a place you may write to.") from error
    write_aside(path, table.getvalue().encode())
