"""Under which terms an archive is analysed: settings, models, version. Everything in one folder is under the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.about import __version__
from hemato_edge.settings import Settings
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate
from hemato_edge.vision.red_cells.shapes import load_shape_namer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.vision.classify.classifier import TFLiteClassifier
    from hemato_edge.vision.locate.kind import RecordedLocator
    from hemato_edge.vision.red_cells.shapes import ShapeNamer

_OF_THE_FRAME = ("mask", "crop", "rotate")
"""The settings of a camera that hold for its recorded videos."""
_PATHS = (("model", "path"), ("model", "trusted_keys"), ("locator", "path"), ("red_cells", "shapes"))


@dataclass(frozen=True, slots=True)
class Terms:
    """What every process that analyses a source is told; text and numbers, so that it can be sent.

    Attributes:
        settings: JSON, the sections that matter, without a camera's address.
        each: every picture is a stranger to the others, see `analyze_pictures`.
        name_blurred: name the cells of blurred pictures, too.
        threads: of one inference.
        fingerprint: what the process must find, see `Instruments.fingerprint`; empty: whatever it finds.
    """

    settings: str
    each: bool = False
    name_blurred: bool = False
    threads: int = 1
    fingerprint: str = ""


def terms_of(settings: Settings, *, each: bool = False, name_blurred: bool = False, threads: int = 1) -> Terms:
    """The terms that effective settings make."""
    whole = settings.model_dump(mode="json", include={"model", "locator", "quality", "red_cells"})
    for section, key in _PATHS:
        if whole[section][key] is not None:
            whole[section][key] = str(Path(whole[section][key]).absolute())  # other processes work in other folders
    whole["camera"] = settings.camera.model_dump(mode="json", include=set(_OF_THE_FRAME))
    return Terms(json.dumps(whole, sort_keys=True), each, name_blurred, threads)


class Instruments:
    """The parts that see, loaded and verified. For one thread at a time.

    Args:
        terms: see the class.

    Raises:
        ModelError: a model is missing or fails its check.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.settings = Settings.model_validate(json.loads(terms.settings))
        model = self.settings.model.model_dump() | {"threads": terms.threads}
        self.classifier: TFLiteClassifier = load_classifier(**model)
        model.pop("path")
        self.locator: RecordedLocator = load_locator(**self.settings.locator.model_dump(), **model)
        self.gate = QualityGate(**self.settings.quality.model_dump())
        self.shapes: ShapeNamer | None = None
        if self.settings.red_cells.measure and self.settings.red_cells.shapes is not None:
            self.shapes = load_shape_namer(self.settings.red_cells.shapes, self.settings.model.trusted_keys)

    @property
    def told_shapes(self) -> dict[str, float]:
        """Shape of red cells that is told → percent of healthy donors' cells that are named so."""
        return {} if self.shapes is None else self.shapes.told

    def fingerprint(self) -> str:
        """JSON of all that has a say in the results: equal fingerprints, equal results.

        The number of threads has none: the models compute with whole numbers.
        """
        bundle, runtime = self.classifier.model.bundle, self.classifier.model.runtime
        camera = self.settings.camera
        return json.dumps(
            {
                "hemato_edge": __version__,
                "model": bundle.card.name,
                "model_sha256": bundle.sha256,
                "locator": self.locator.provenance,
                "locator_min_score": self.settings.locator.min_score,
                "runtime": f"{runtime.name} {runtime.version}",
                "red_cells": self.settings.red_cells.measure,
                "red_cell_shapes": None if self.shapes is None else self.shapes.head.sha256,
                "quality": self.settings.quality.model_dump(mode="json"),
                "frame": camera.model_dump(mode="json", include=set(_OF_THE_FRAME)),
                "each": self.terms.each,
                "name_blurred": self.terms.name_blurred,
            },
            sort_keys=True,
        )


def differences(before: str, now: str) -> list[str]:
    """What differs between two fingerprints, in words, one each."""
    first, second = json.loads(before), json.loads(now)
    if first.get("model_sha256") != second.get("model_sha256"):
        for one in (first, second):
            one["model"] = f"{one.get('model')} {str(one.pop('model_sha256', ''))[:12]}"
    names = sorted({*first, *second})
    return [
        f"{name}: {_short(first, name)} became {_short(second, name)}"
        for name in names
        if first.get(name) != second.get(name)
    ]


def _short(values: Mapping[str, object], name: str) -> str:
    return str(values.get(name, "nothing"))[:200]
