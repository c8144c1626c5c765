"""A network with its card, asked as a device asks it, and the figures on a card measured again.

For changes of a bundle that are on its card only: the network and its golden pairs stay bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hemato_convert.flatbuffer.embedding import lowered
from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_convert.left_out import LeftOut, only_judged
from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import PROTOTYPES, read_bundle, write_bundle
from hemato_edge.models.card import ClassifierCard
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.second_look import ALL, SecondLook, Seen
from hemato_training.data.cell_sets import load
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.metrics.classification import figures_by_laboratory

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hemato_edge.models.bundle import Bundle
    from hemato_training.data.crops import Cells
    from hemato_training.progress import Reporter


@dataclass(frozen=True)
class OnDevice:
    """A full-int8 network, its packed prototypes, None without an embedding, and what its card says."""

    flatbuffer: bytes
    prototypes: bytes | None
    card: ClassifierCard

    def with_card(self, **changed: Any) -> OnDevice:
        """The same network with a changed card."""
        return replace(self, card=self.card.model_copy(update=changed))

    def first(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n, labels) of crops (n, S, S, 3) uint8 RGB at first look."""
        return self._lowered(self._see(images))

    def logits(self, images: NDArray[np.uint8], look: SecondLook | None = None) -> NDArray[np.float32]:
        """Logits (n, labels) with a second look, unless given as the card says."""
        look = look or SecondLook.of_card(self.card)
        return look.take(images, self._see(images), self._see, self._lowered).logits

    def judged(self, images: NDArray[np.uint8], val: Cells) -> ClassifierCard:
        """The card with int8 figures measured again on the held-out cells of home, prepared as `images`."""
        card = self.card
        figures, overall = figures_by_laboratory(self.logits(images), val, card.temperature, card.rejection_threshold)
        accuracy = tuple(
            one.model_copy(
                update={
                    "int8_accuracy": figures[one.data].accuracy,
                    "int8_balanced_accuracy": figures[one.data].balanced_accuracy,
                }
            )
            for one in card.accuracy
        )
        return card.model_copy(
            update={"accuracy": accuracy, "confusion": tuple(tuple(row) for row in overall.confusion)}
        )

    def judged_only(self, data: Path, cache: Path, reporter: Reporter) -> list[LeftOut]:
        """Its answers in the laboratories under `data` that are never trained on."""
        found, card = [], self.card
        every = SecondLook(card.second_look_views, card.temperature, ALL)
        for name in only_judged(data):
            records = load(data, (name,))
            looks = looks_of(records, cache, reporter)
            cells = cells_of(records, looks, card.input.size, cache, reporter=reporter)
            images = prepare_cells(cells, looks)
            again = None if card.second_look_views == 1 else self.logits(images, every)
            found.append(LeftOut(name, cells.labels, self.first(images), card.temperature, again))
        return found

    def _see(self, images: NDArray[np.uint8]) -> Seen:
        return try_flatbuffer(self.flatbuffer, images).seen()

    def _lowered(self, seen: Seen) -> NDArray[np.float32]:
        doubt = 0.0 if self.card.embedding is None else self.card.embedding.doubt
        return lowered(seen, self.prototypes, doubt, self.card.caution)


def changeable_card(bundle: Bundle) -> ClassifierCard:
    """The card of a bundle that may get another one.

    Raises:
        ModelError: it is no classifier, or has parts for other runtimes.
    """
    card = bundle.card
    if not isinstance(card, ClassifierCard):
        raise ModelError(f"{bundle.path} is no classifier.", "Name a classifier.")
    if card.artefacts:
        raise ModelError(f"{bundle.path} has parts compiled for other runtimes.", "Change it before compiling.")
    return card


def write_card(out: Path, bundle: Bundle, card: ClassifierCard) -> ClassifierCard:
    """Write the bundle with another card, verify it, and return the card."""
    golden = bundle.golden_inputs, bundle.golden_outputs
    home = None if card.embedding is None else bundle.part(PROTOTYPES)
    write_bundle(out, bundle.flatbuffer, card, *golden, prototypes=home)
    ClassifierModel(read_bundle(out)).verify()
    return card
