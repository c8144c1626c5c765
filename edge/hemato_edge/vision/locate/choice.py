"""Choice of locator: the learned one, or the classical one that needs no model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ModelError
from hemato_edge.extensions import LOCATORS, extension, extension_names
from hemato_edge.labels import KINDS
from hemato_edge.models.bundle import read_bundle, shipped_locator
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.locator_model import BOXES, HEAT, LocatorModel
from hemato_edge.vision.locate.kind import LocatorKind, LocatorOptions
from hemato_edge.vision.locate.learned import LearnedLocator, same_score
from hemato_edge.vision.locate.locator import DEFAULT_MIN_SCORE, OpenCvLocator
from hemato_edge.vision.locate.peaks import STRIDE, RealMaps
from hemato_edge.vision.locate.windows import WindowSpec

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.vision.locate.kind import RecordedLocator

AUTO = "auto"


class TFLiteLocator(LearnedLocator):
    """The learned locator from a TFLite bundle. It always has a card and has passed its golden check.

    Args:
        model: of a bundle with labels that this program knows.
        min_score: detections below this score are not reported; None for the card's thresholds by kind.

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
        self._real = RealMaps(partial(model.engine.real, HEAT), partial(model.engine.real, BOXES))
        self.card = card
        self.golden_difference = model.verify()
        self.provenance = f"{card.name} {model.bundle.sha256[:16]}"

    def _maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.model.raw_maps(window)


def _learned(options: LocatorOptions) -> TFLiteLocator:
    bundle = read_bundle(options.path or shipped_locator(), options.trusted_keys)
    return TFLiteLocator(LocatorModel(bundle, options.threads, find_runtime(options.runtime)), options.min_score)


def _opencv(options: LocatorOptions) -> OpenCvLocator:
    return OpenCvLocator(DEFAULT_MIN_SCORE if options.min_score is None else options.min_score)


KINDS_OF_LOCATOR = {kind.name: kind for kind in (LocatorKind("learned", _learned), LocatorKind("opencv", _opencv))}
"""The built-in ones."""


def load_locator(
    kind: str = AUTO,
    path: Path | None = None,
    min_score: float | None = None,
    threads: int = 1,
    runtime: str = "auto",
    trusted_keys: Path | None = None,
) -> RecordedLocator:
    """The locator named in the settings, verified first.

    Args:
        kind: one of `KINDS_OF_LOCATOR`, the name of a plugin, or "auto": the learned one if there is a model for it.
        path: of a bundle other than the one that ships, or a file for a plugin's locator.
        min_score: for all kinds of cells; None for the locator's own.
        threads: per inference.
        runtime: see `find_runtime`.
        trusted_keys: see `read_bundle`.

    Raises:
        ModelError: there is no such kind, or it cannot be loaded; see also `read_bundle`, `LocatorModel` and
            `TFLiteLocator`. A model that fails is never replaced silently.
    """
    if kind == AUTO:
        kind = "learned" if path is not None or shipped_locator().exists() else "opencv"
    found = KINDS_OF_LOCATOR[kind] if kind in KINDS_OF_LOCATOR else _plugin(kind)
    return found.make(LocatorOptions(path, min_score, threads, runtime, trusted_keys))


def _plugin(name: str) -> LocatorKind:
    """The kind that another package registered under this name."""
    names = extension_names(LOCATORS)
    if name not in names:
        known = ", ".join([AUTO, *KINDS_OF_LOCATOR, *names])
        raise ModelError(f"There is no locator '{name}'.", f"locator.kind can be {known}.")
    try:
        found = extension(LOCATORS, name)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"The locator '{name}' cannot be loaded ({error}).", "Reinstall the package that provides it."
        ) from error
    if not isinstance(found, LocatorKind) or found.name != name:
        raise ModelError(
            f"The locator plugin '{name}' is not a LocatorKind of that name.",
            f"Its package must register a LocatorKind whose name is '{name}'.",
        )
    return found
