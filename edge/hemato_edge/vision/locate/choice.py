"""Which locator looks at the fields: the learned one, or the classical one that needs no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.errors import ModelError
from hemato_edge.extensions import LOCATORS, extension, extension_names
from hemato_edge.labels import KINDS
from hemato_edge.models.bundle import read_bundle, shipped_locator
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.locator_model import LocatorModel
from hemato_edge.vision.locate.kind import LocatorKind, LocatorOptions
from hemato_edge.vision.locate.learned import LearnedLocator, same_score
from hemato_edge.vision.locate.locator import DEFAULT_MIN_SCORE, OpenCvLocator
from hemato_edge.vision.locate.peaks import STRIDE
from hemato_edge.vision.locate.windows import WindowSpec

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.vision.locate.kind import RecordedLocator

AUTO = "auto"


class TFLiteLocator(LearnedLocator):
    """The learned locator out of a TFLite bundle. There is none without a card and a golden check that was passed.

    Args:
        model: of a bundle whose labels this program knows.
        min_score: detections under this score are not reported; None for the thresholds of the card, kind by kind.

    Raises:
        ModelError: if the golden check fails, or the card names labels or a stride that this program does not know.
    """

    def __init__(self, model: LocatorModel, min_score: float | None = None) -> None:
        card = model.card
        if card.labels != KINDS or card.input.stride != STRIDE:
            raise ModelError(
                f"{model.bundle.path} finds {', '.join(card.labels)} at every {card.input.stride} pixels, but this "
                f"program counts {', '.join(KINDS)} at every {STRIDE}.",
                "Train it with this version's `hemato-edge train locate`, or use the model that ships.",
            )
        spec = WindowSpec(card.input.width, card.input.height, card.input.red_cell_px)
        super().__init__(model, spec, card.min_scores if min_score is None else same_score(min_score))
        self.model = model
        self.card = card
        self.golden_difference = model.verify()
        self.provenance = f"{card.name} {model.bundle.sha256[:16]}"


def _learned(options: LocatorOptions) -> TFLiteLocator:
    bundle = read_bundle(options.path or shipped_locator(), options.trusted_keys)
    return TFLiteLocator(LocatorModel(bundle, options.threads, find_runtime(options.runtime)), options.min_score)


def _opencv(options: LocatorOptions) -> OpenCvLocator:
    return OpenCvLocator(DEFAULT_MIN_SCORE if options.min_score is None else options.min_score)


KINDS_OF_LOCATOR = {kind.name: kind for kind in (LocatorKind("learned", _learned), LocatorKind("opencv", _opencv))}
"""Those of this program."""


def load_locator(
    kind: str = AUTO,
    path: Path | None = None,
    min_score: float | None = None,
    threads: int = 1,
    runtime: str = "auto",
    trusted_keys: Path | None = None,
) -> RecordedLocator:
    """The locator that the settings ask for, verified before it is returned.

    Args:
        kind: one of `KINDS_OF_LOCATOR`, the name of one that another package brings, or "auto": the learned one
            wherever there is a model for it.
        path: of another bundle than the one that ships, or a file of another package's locator.
        min_score: for all kinds of cells; None for the locator's own.
        threads: of one inference.
        runtime: see `find_runtime`.
        trusted_keys: see `read_bundle`.

    Raises:
        ModelError: there is no such kind, or it cannot be loaded; see also `read_bundle`, `LocatorModel` and
            `TFLiteLocator`. A model that is there and fails is never replaced silently.
    """
    if kind == AUTO:
        kind = "learned" if path is not None or shipped_locator().exists() else "opencv"
    found = KINDS_OF_LOCATOR[kind] if kind in KINDS_OF_LOCATOR else _brought(kind)
    return found.make(LocatorOptions(path, min_score, threads, runtime, trusted_keys))


def _brought(name: str) -> LocatorKind:
    """The kind that another package entered under this name."""
    names = extension_names(LOCATORS)
    if name not in names:
        known = ", ".join([AUTO, *KINDS_OF_LOCATOR, *names])
        raise ModelError(f"There is no locator '{name}'.", f"locator.kind can be {known}.")
    try:
        found = extension(LOCATORS, name)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"The locator '{name}' cannot be loaded ({error}).", "Install the package that brings it again."
        ) from error
    if not isinstance(found, LocatorKind) or found.name != name:
        raise ModelError(
            f"What is entered as the locator '{name}' is none of that name.",
            f"Its package must enter a LocatorKind whose name is '{name}'.",
        )
    return found
