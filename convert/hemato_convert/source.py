"""What a conversion starts from: a training run, the very cells it saw, and the few that measure the ranges."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ConfigurationError, DataError, ModelError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.data.cell_sets import load
from hemato_training.data.records import by_laboratory, in_split, split_hash, thin
from hemato_training.runs.files import RUN_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.data.records import Record

REPRESENTATIVE = 400
"""Training crops that the activations' ranges are measured on."""
REPRESENTATIVE_LIMITS = (100, 500)
"""Fewer miss what a class does to the ranges; more cost time and, by `docs/results/training.md`, change nothing."""


def read_run(folder: Path) -> dict[str, Any]:
    """The `run.json` of a training run.

    Raises:
        ModelError: if it is missing, unreadable or of another version.
    """
    try:
        facts: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    except (OSError, ValueError) as error:
        raise ModelError(
            f"There is no readable {RUN_FILE} in {folder}, so the card could not say what the model is.",
            "Name the folder of a run of `hemato-edge train classify`.",
        ) from error
    missing = {"settings", "labels", "data", "looks", "versions"} - facts.keys()
    if missing or tuple(facts["labels"]) != CLASSIFIER_LABELS:
        raise ModelError(
            f"{folder / RUN_FILE} is not of this version.", "Train again with `hemato-edge train classify`."
        )
    return facts


def records_of(facts: dict[str, Any], data: Path) -> list[Record]:
    """The very records the run was trained on and judged by.

    Raises:
        DataError: if `data` is missing or holds another split.
    """
    without = str(facts["settings"].get("without", "")).split(",")
    records = [r for r in load(data, tuple(facts["data"])) if r.label not in without]
    if facts["settings"]["per_class"]:
        records = thin(records, int(facts["settings"]["per_class"]))
    for name, own in by_laboratory(records).items():
        if split_hash(own) != facts["data"][name]["split_sha256"]:
            raise DataError(
                f"{data / name} is not the data that the run was trained on.", "Name that directory with --data."
            )
    return records


def representative_records(records: list[Record], wanted: int) -> list[Record]:
    """`wanted` training records or a few less, equally many of each laboratory and class as far as there are.

    Where a class has too few, the others give more. All, if there are no more than `wanted`.

    Raises:
        ConfigurationError: if `wanted` is outside of `REPRESENTATIVE_LIMITS`.
    """
    low, high = REPRESENTATIVE_LIMITS
    if not low <= wanted <= high:
        raise ConfigurationError(
            f"{wanted} representative crops are out of range.", f"Choose --representative from {low} to {high}."
        )
    train = in_split(records, "train")
    sizes = Counter((r.laboratory, r.label) for r in train).values()
    share = max((n for n in range(1, wanted + 1) if sum(min(n, size) for size in sizes) <= wanted), default=1)
    return thin(train, share)
