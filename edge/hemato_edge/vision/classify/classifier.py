"""From located cells to labels: crops in one batch through the verified model, calibrated, rejected below threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.models.attributes import attributes_of
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.models.temperature import calibrated
from hemato_edge.morphology import pooled
from hemato_edge.values import Judgement
from hemato_edge.vision.classify.crops import cut_crop, prepare
from hemato_edge.vision.optics import stain as stain_module

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.models.card import ClassifierCard
    from hemato_edge.models.classifier_model import Outputs
    from hemato_edge.models.prototypes import Prototypes
    from hemato_edge.morphology import Attribute
    from hemato_edge.vision.field_view import FieldView
    from hemato_edge.vision.slide_appearance import SlideAppearance


class Classifier(Protocol):
    """Classifies cells."""

    def judge(self, view: FieldView, boxes: NDArray[np.float32], appearance: SlideAppearance) -> list[Judgement]:
        """One judgement for each of `boxes` (N, 4) float32 xyxy, pixels of a field."""
        ...

    def pool(self, judgements: Sequence[Judgement]) -> Judgement:
        """One judgement from one or more of the same cell."""
        ...


def load_classifier(
    path: Path | None = None, threads: int = 1, runtime: str = "auto", trusted_keys: Path | None = None
) -> TFLiteClassifier:
    """The classifier of a bundle, or the one that ships; verified first.

    Raises:
        ModelError: see `read_bundle`, `ClassifierModel` and `TFLiteClassifier`.
    """
    bundle = read_bundle(path or shipped_classifier(), trusted_keys)
    return TFLiteClassifier(ClassifierModel(bundle, threads, find_runtime(runtime)))


class TFLiteClassifier:
    """A classifier from a TFLite bundle. It always has a card and has passed its golden check.

    Args:
        model: of a bundle with labels that this program knows.

    Raises:
        ModelError: if the golden check fails, or the card names labels or a stain that this program does not know.
    """

    def __init__(self, model: ClassifierModel) -> None:
        self.card = model.card
        self.model = model
        _check_card(self.card, str(model.bundle.path))
        self.golden_difference = model.verify()

    def crops(self, view: FieldView, boxes: NDArray[np.float32], appearance: SlideAppearance) -> NDArray[np.uint8]:
        """The model's input for `boxes` (N, 4): (N, S, S, 3) uint8 in the card's channel order."""
        spec = self.card.input
        batch = np.empty((len(boxes), spec.size, spec.size, 3), np.uint8)
        for slot, box in zip(batch, boxes, strict=True):
            centre = (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2)
            slot[:] = cut_crop(view, centre, spec.crop_red_cells * appearance.red_cell_px, spec.size)
        stain = appearance.stain.on_glass(view.background)
        if self.card.stain.reference_red_od is None:
            stain = replace(stain, red_od=None)
        return prepare(batch, stain)

    def judge(self, view: FieldView, boxes: NDArray[np.float32], appearance: SlideAppearance) -> list[Judgement]:
        """See `Classifier.judge`."""
        if not len(boxes):
            return []
        return self.answers(self.model.outputs(self.crops(view, boxes, appearance)))

    def answers(self, outputs: Outputs) -> list[Judgement]:
        """Judgements from the model's outputs: softmax of logits / temperature, rejected below the card's threshold.

        Each includes its embedding, its attributes with the level below its class, and the activation map of its best
        label, where the model provides them. The embedding is of the same views as the answer; attributes and map are
        those of the upright crop, also where a second look decided.
        """
        judgements = []
        said: list[tuple[Attribute, ...]] = [()] * len(outputs.logits)
        for logits, specs in (
            (outputs.subtypes, self.card.subtypes),
            (outputs.attributes, self.card.attributes),
        ):
            if logits is not None and specs:
                said = [(*before, *new) for before, new in zip(said, attributes_of(logits, specs), strict=True)]
        for i, probabilities in enumerate(calibrated(outputs.logits, self.card.temperature)):
            judgement = self._answer(probabilities)
            winner = self.card.labels.index(judgement.best)
            judgements.append(
                replace(
                    judgement,
                    activation=None if outputs.maps is None else outputs.maps[i, :, :, winner].copy(),
                    embedding=None if outputs.embeddings is None else outputs.embeddings[i].copy(),
                    attributes=said[i],
                )
            )
        return judgements

    @property
    def prototypes(self) -> Prototypes | None:
        """The embeddings of in-distribution cells, to compare a judgement's with; None from a model without."""
        return self.model.bundle.prototypes

    def pool(self, judgements: Sequence[Judgement]) -> Judgement:
        """The mean of the calibrated probabilities, rejected below the same threshold; without an activation map.

        The embedding is the mean, too, if every judgement has one; attributes are pooled likewise.
        """
        if len(judgements) == 1:
            return replace(judgements[0], activation=None)
        together = replace(
            self._answer(np.mean([one.probabilities for one in judgements], axis=0, dtype=np.float32)),
            attributes=pooled([one.attributes for one in judgements]),
        )
        embeddings = [one.embedding for one in judgements if one.embedding is not None]
        if len(embeddings) < len(judgements):
            return together
        return replace(together, embedding=np.mean(embeddings, axis=0, dtype=np.float32))

    def _answer(self, probabilities: NDArray[np.float32]) -> Judgement:
        winner = int(np.argmax(probabilities))
        best, confidence = self.card.labels[winner], float(probabilities[winner])
        label = best if confidence >= self.card.rejection_threshold else UNCLASSIFIED
        return Judgement(label, best, confidence, probabilities)


def _check_card(card: ClassifierCard, path: str) -> None:
    if card.labels != CLASSIFIER_LABELS:
        raise ModelError(
            f"{path} answers {', '.join(card.labels)}, but this program counts {', '.join(CLASSIFIER_LABELS)}.",
            "Train it on these labels, or use the model that ships.",
        )
    here = (stain_module.REFERENCE_LEVEL, stain_module.REFERENCE_NUCLEUS_OD, stain_module.RATIO_LIMITS)
    if (card.stain.reference_level, card.stain.reference_nucleus_od, card.stain.ratio_limits) != here:
        raise ModelError(
            f"{path} was trained for another reference stain than this program's.",
            "Convert it again with this version's `hemato-edge train` and `convert`.",
        )
    if card.stain.reference_red_od not in (None, stain_module.REFERENCE_RED_OD):
        raise ModelError(
            f"{path} was trained for other reference red cells than this program's.",
            "Convert it again with this version's `hemato-edge train` and `convert`.",
        )
    if card.stain.background != "field":
        raise ModelError(
            f"{path} expects one background for a whole session; this program measures it in every field.",
            "Train and convert it again with this version's `hemato-edge train` and `convert`.",
        )
    if card.input.channels != "rgb":
        raise ModelError(f"{path} wants {card.input.channels} crops; this program gives rgb.", "Convert it again.")
