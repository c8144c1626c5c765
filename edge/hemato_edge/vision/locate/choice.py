"""Which locator looks at the fields: the learned one, or the classical one that needs no model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hemato_edge.errors import ModelError
from hemato_edge.labels import KINDS
from hemato_edge.models.bundle import read_bundle, shipped_locator
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.locator_model import LocatorModel
from hemato_edge.vision.locate.learned import LearnedLocator, same_score
from hemato_edge.vision.locate.locator import DEFAULT_MIN_SCORE, OpenCvLocator
from hemato_edge.vision.locate.peaks import STRIDE
from hemato_edge.vision.locate.windows import WindowSpec

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.vision.locate.locator import Locator

LocatorKind = Literal["auto", "learned", "opencv"]


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


def load_locator(
    kind: LocatorKind = "auto",
    path: Path | None = None,
    min_score: float | None = None,
    threads: int = 1,
    runtime: str = "auto",
) -> Locator:
    """The locator that the settings ask for, verified before it is returned.

    Args:
        kind: "learned", "opencv", or "auto": the learned one wherever there is a model for it.
        path: of another bundle than the one that ships.
        min_score: for all kinds of cells; None for the locator's own.
        threads: of one inference.
        runtime: see `find_runtime`.

    Raises:
        ModelError: see `read_bundle`, `LocatorModel` and `TFLiteLocator`. A model that is there and fails is never
            replaced silently.
    """
    if kind == "opencv" or (kind == "auto" and path is None and not shipped_locator().exists()):
        return OpenCvLocator(DEFAULT_MIN_SCORE if min_score is None else min_score)
    return TFLiteLocator(
        LocatorModel(read_bundle(path or shipped_locator()), threads, find_runtime(runtime)), min_score
    )


def provenance(locator: Locator) -> str:
    """What a session's record says of its locator: the name of the model and the start of its hash."""
    if isinstance(locator, TFLiteLocator):
        return f"{locator.card.name} {locator.model.bundle.sha256[:16]}"
    return "opencv"
