"""What an evaluation rests on, so that another person can repeat it."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from hemato_edge.models.bundle import card_as_json
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_training.data.cell_sets import laboratory_named
from hemato_training.data.records import by_laboratory, in_split, split_hash
from hemato_training.runs.files import versions

if TYPE_CHECKING:
    from hemato_training.evaluate.evaluation import Tried


@dataclass(frozen=True, slots=True)
class Source:
    """One laboratory's cells.

    Attributes:
        name: its key.
        title: what a person calls it.
        attribution: whom to name, and the licence.
        trained_on: whether the model learnt from this laboratory's other cells; None where the model does not say.
        cells: of this split.
        split_sha256: of the split judged on.
        same_split: whether the model was trained on this very split, so that the cells were held out; None unknown.
    """

    name: str
    title: str
    attribution: str
    trained_on: bool | None
    cells: int
    split_sha256: str
    same_split: bool | None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Model, data, program and moment.

    Attributes:
        command: as it was typed.
        created: UTC.
        model_sha256: of the whole file.
        card: of a bundle, else the arguments of the training run, as plain JSON values.
        sources: the laboratories.
        versions: name → version.
        machine: architecture and system.
    """

    command: str
    created: datetime
    model_sha256: str
    card: dict[str, Any]
    sources: list[Source]
    versions: dict[str, str]
    machine: str

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "command": self.command,
            "created": self.created.isoformat(timespec="seconds"),
            "model_sha256": self.model_sha256,
            "sources": [
                {
                    "name": s.name,
                    "trained_on": s.trained_on,
                    "cells": s.cells,
                    "split_sha256": s.split_sha256,
                    "same_split": s.same_split,
                }
                for s in self.sources
            ],
            "versions": self.versions,
            "machine": self.machine,
        }


def provenance_of(tried: Tried, command: str) -> Provenance:
    """What an evaluation rests on; `command` is what the person typed."""
    model, origin = tried.judged.model, tried.origin
    found = versions()
    for name in ("scikit-learn", "scipy", "matplotlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    if isinstance(model, ClassifierModel):
        found[model.runtime.name] = model.runtime.version
    sources = []
    for name, records in by_laboratory(tried.records).items():
        own, digest = laboratory_named(name), split_hash(records)
        trained_on = name in origin.trained_on if origin.known else None
        sources.append(
            Source(
                name,
                own.title,
                f"{own.attribution}, {own.licence}",
                trained_on,
                len(in_split(records, tried.split)),
                digest,
                origin.splits[name] == digest if name in origin.splits else None,
            )
        )
    return Provenance(
        command,
        datetime.now(timezone.utc),
        hashlib.sha256(tried.path.read_bytes()).hexdigest(),
        card_as_json(model.bundle.card) if isinstance(model, ClassifierModel) else dict(origin.arguments),
        sources,
        found,
        f"{platform.machine()}, {platform.system()}",
    )
