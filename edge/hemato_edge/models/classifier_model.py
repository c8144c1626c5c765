"""A classifier's model, ready to run: crops in, logits and activation maps out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.errors import ModelError
from hemato_edge.models.card import ClassifierCard
from hemato_edge.models.caution import device_logits
from hemato_edge.models.engines.choice import find_runtime, start_engine
from hemato_edge.models.golden import refuse_difference
from hemato_edge.models.second_look import SecondLook, Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.engines.engine import Runtime

LOGITS, MAPS, EMBEDDINGS, ATTRIBUTES, SUBTYPES = "logits", "cam", "embedding", "attributes", "subtypes"
"""Outputs: (n, labels); optionally class activation maps (n, h, w, labels), embeddings (n, d) and the logits of all
values (n, values) of the attributes and of the level below the classes."""
_MOST = 64
"""Maximum batch: no field has more white cells; all its crops are passed at once."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Outputs of a classifier for n crops.

    Attributes:
        logits: (n, labels) float32, lowered as the card says, see `models.caution`; of unsure cells the mean of several
            views, see `models.second_look`.
        maps: class activation maps (n, h, w, labels) float32, None from a model without. Their mean over h and w plus
            a bias is the logit, so they show exactly which part of the crop supports a label (Zhou et al. 2016; equal
            to Grad-CAM for this head).
        embeddings: (n, d) float32, None from a model without; see `models.prototypes`. Of the same views as the logits;
            all other outputs are of the crops as they are.
        attributes, subtypes: logits (n, values) float32, None from a model without; see `models.attributes`.
    """

    logits: NDArray[np.float32]
    maps: NDArray[np.float32] | None = None
    embeddings: NDArray[np.float32] | None = None
    attributes: NDArray[np.float32] | None = None
    subtypes: NDArray[np.float32] | None = None


class ClassifierModel:
    """A verified bundle of a classifier.

    Args:
        bundle: from `read_bundle`.
        threads: per inference.
        runtime: from `find_runtime`.

    Attributes:
        inferences: crops that were run so far, each view of a second look counted.

    Raises:
        ModelError: it is no classifier, the runtime cannot load it, or its outputs do not have the shapes in its card.
    """

    def __init__(self, bundle: Bundle, threads: int = 1, runtime: Runtime | None = None) -> None:
        if not isinstance(bundle.card, ClassifierCard):
            raise ModelError(
                f"{bundle.path} is a model to {bundle.card.task} cells, not to classify them.",
                "Name a classifier, or leave out --model to use the one that ships.",
            )
        self.bundle = bundle
        self.card = bundle.card
        self.runtime = runtime or find_runtime()
        self.engine = start_engine(bundle, self.runtime, threads, _MOST)
        self.inferences = 0
        self._check_shapes()

    def answers(self, batch: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name, (n, …) float32, of crops (n, S, S, 3) uint8 in the card's channel order."""
        if batch.dtype != np.uint8 or batch.shape[1:] != self.engine.input_shape:
            size = self.card.input.size
            msg = f"the model takes (n, {size}, {size}, 3) uint8, not {batch.shape} {batch.dtype}"
            raise ValueError(msg)
        self.inferences += len(batch)
        return self.engine.run(batch)

    def logits(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's logits (n, labels) float32 of crops (n, S, S, 3) uint8 in the card's channel order."""
        return self.answers(batch)[LOGITS]

    def outputs(self, batch: NDArray[np.uint8]) -> Outputs:
        """All outputs for crops (n, S, S, 3) uint8 in the card's channel order, lowered as the card says.

        Crops whose answer is below the card's threshold are run again in the card's views, in one batch.
        """
        answers = self.answers(batch)
        seen = SecondLook.of_card(self.card).take(batch, _seen(answers), self._see, self._lowered)
        return Outputs(seen.logits, answers.get(MAPS), seen.embeddings, answers.get(ATTRIBUTES), answers.get(SUBTYPES))

    def _see(self, batch: NDArray[np.uint8]) -> Seen:
        return _seen(self.answers(batch))

    def _lowered(self, seen: Seen) -> NDArray[np.float32]:
        doubt = 0.0 if self.card.embedding is None else self.card.embedding.doubt
        return device_logits(seen.logits, seen.embeddings, self.bundle.prototypes, doubt, self.card.caution)

    def logits_and_maps(self, batch: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """`logits`, and class activation maps (n, h, w, labels), None from a model without; see `Outputs`."""
        answers = self.answers(batch)
        return answers[LOGITS], answers.get(MAPS)

    def verify(self) -> float:
        """Run the golden inputs; returns the largest difference of a logit, or of another output in a logit's steps.

        Maps and embeddings have other units: their differences are scaled so that one quantisation step counts as much
        as one step of a logit. If the steps are unknown, only logits are compared.

        Raises:
            ModelError: it exceeds the tolerance: this device does not reproduce the converter's outputs.
        """
        answers, expected, steps = (
            self.answers(self.bundle.golden_inputs),
            self.bundle.golden_outputs,
            self.engine.steps,
        )
        worst = 0.0
        for name in expected:
            if name != LOGITS and not {name, LOGITS} <= steps.keys():
                continue
            if name not in answers or answers[name].shape != expected[name].shape:
                raise ModelError(f"{self.bundle.path} has golden pairs of an output '{name}' that it does not give.")
            weight = 1.0 if name == LOGITS else steps[LOGITS][0] / steps[name][0]
            worst = float(np.maximum(worst, np.abs(answers[name] - expected[name]).max() * weight))  # NaN stays NaN
        refuse_difference(self.bundle, self.runtime, self.engine, worst, "a logit differs by")
        return worst

    def _check_shapes(self) -> None:
        card, engine = self.card, self.engine
        wanted = (card.input.size, card.input.size, 3)
        if engine.input_shape != wanted:
            raise ModelError(
                f"{self.bundle.path} takes {[1, *engine.input_shape]} uint8, but its card says {[1, *wanted]}.",
                "Convert it again with `hemato-edge convert`.",
            )
        if engine.outputs.get(LOGITS) != (len(card.labels),):
            raise ModelError(
                f"{self.bundle.path} gives {dict(engine.outputs)}, but its card names {len(card.labels)} labels.",
                "Convert it again with `hemato-edge convert`.",
            )
        further = {
            EMBEDDINGS: 0 if card.embedding is None else card.embedding.size,
            ATTRIBUTES: sum(len(one.values) for one in card.attributes),
            SUBTYPES: sum(len(one.values) for one in card.subtypes),
        }
        for name, size in further.items():
            if size and engine.outputs.get(name) != (size,):
                raise ModelError(
                    f"{self.bundle.path} gives {dict(engine.outputs)}; its card says {name} of {size} numbers.",
                    "Convert it again with `hemato-edge convert`.",
                )


def _seen(answers: dict[str, NDArray[np.float32]]) -> Seen:
    return Seen(answers[LOGITS], answers.get(EMBEDDINGS))
