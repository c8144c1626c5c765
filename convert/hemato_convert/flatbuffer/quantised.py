"""A run's network as a full-int8 flatbuffer, with the requested outputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hemato_convert.flatbuffer.attributes import AttributeHead, attribute_specs, described, fit_head
from hemato_convert.flatbuffer.embedding import fit_projection, lowered
from hemato_convert.flatbuffer.graft import with_names_of
from hemato_convert.flatbuffer.graph import export_graph
from hemato_convert.flatbuffer.operations import operation_versions
from hemato_convert.flatbuffer.quantise import quantise
from hemato_convert.flatbuffer.refit import refitted, views_of
from hemato_convert.flatbuffer.trial import try_flatbuffer
from hemato_convert.source import representative_records
from hemato_edge.errors import DataError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import read_bundle
from hemato_edge.models.card import ClassifierCard, EmbeddingSpec
from hemato_edge.models.prototypes import pack_prototypes, unpack_prototypes
from hemato_training.augment.stain_and_optics import MARGIN
from hemato_training.data.crops import prepare_cells
from hemato_training.data.records import in_split
from hemato_training.networks.keras_model import pooled_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_convert.flatbuffer.trial import Trial
    from hemato_convert.settings import ConversionSettings
    from hemato_convert.source import Source
    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.card import AttributeSpec, CautionSpec
    from hemato_edge.models.second_look import SecondLook, Seen
    from hemato_training.data.crops import Cells

HOME_SHARE = 0.95
"""Quantile of the distances of held-out in-distribution cells that is stored in the card."""


@dataclass(frozen=True)
class Quantised:
    """The int8 network without a card.

    Attributes:
        flatbuffer: the TFLite file's bytes.
        prototypes: packed embeddings of in-distribution cells, None without an embedding.
        head: for the attributes, None without.
        sample: number of training crops for measuring the ranges.
        tail: percent of an activation's values beyond its limits.
        doubt: for out-of-distribution cells, see `models.prototypes`.
        caution: kept from an earlier bundle of the same names, see `models.caution`.
    """

    flatbuffer: bytes
    prototypes: bytes | None
    head: AttributeHead | None
    sample: int
    tail: float
    doubt: float
    caution: CautionSpec | None = None

    @cached_property
    def operations(self) -> dict[str, int]:
        """Operation → version, as in the file."""
        return operation_versions(self.flatbuffer)

    def logits_of(self, tried: Trial) -> NDArray[np.float32]:
        """The device's logits (n, labels) at first look."""
        return self._lowered(tried.seen())

    def twice_seen(self, images: NDArray[np.uint8], tried: Trial, look: SecondLook) -> NDArray[np.float32]:
        """The same (n, labels) with a second look at unsure cells; `tried` are the outputs for these images."""
        return look.take(
            images, tried.seen(), lambda crops: try_flatbuffer(self.flatbuffer, crops).seen(), self._lowered
        ).logits

    def _lowered(self, seen: Seen) -> NDArray[np.float32]:
        return lowered(seen, self.prototypes, self.doubt, self.caution)

    def embedding_spec(self, tried: Trial) -> EmbeddingSpec | None:
        """The embedding's card entry; `tried` are outputs for held-out in-distribution cells."""
        if self.prototypes is None:
            return None
        held_out = tried.real_embeddings()
        size = int(held_out.shape[1])
        home = unpack_prototypes(self.prototypes, len(CLASSIFIER_LABELS), size)
        usual = float(np.quantile(home.distances(held_out), HOME_SHARE))
        return EmbeddingSpec(size=size, prototypes=len(home.labels), home_distance=usual, doubt=self.doubt)

    def attribute_specs(self, source: Source, val: Cells, tried: Trial) -> tuple[AttributeSpec, ...]:
        """The attributes' card entries: int8, on the held-out cells that a table describes.

        Raises:
            DataError: no table describes any.
        """
        if self.head is None:
            return ()
        _, answers = described(source.records, source.data)
        names = [f"{laboratory}/{key}" for laboratory, key in zip(val.laboratories, val.keys, strict=True)]
        known = np.array([name in answers for name in names])
        if tried.attributes is None or not known.any():
            raise DataError("No table describes the attributes of a held-out cell.", "Convert without --attributes.")
        truth = np.array([answers[name] for name in names if name in answers])
        return attribute_specs(tried.attributes[known], truth, self.head.values)


def quantise_run(source: Source, settings: ConversionSettings) -> Quantised:
    """The run's network in int8, with the outputs named in the settings.

    Raises:
        DataError: attributes are requested and no table describes any.
        ConfigurationError: the tail is out of range.
    """
    records = representative_records(source.records, settings.representative)
    sample = source.cut(records)
    tail = source.architecture.tail if settings.tail is None else settings.tail
    source.reporter.note(f"quantising on {len(sample)} training crops")
    head = attribute_head(source) if settings.attributes else None
    images, static = prepare_cells(sample, source.looks), source.architecture.static_batch
    kept = None if settings.same_names is None else read_bundle(settings.same_names)
    embedding = settings.embedding if kept is None else kept.prototypes is not None
    projection = fit_projection(pooled_features(source.model, images), sample.labels) if embedding else None
    layer = None if head is None else head.layer

    def make() -> bytes:
        network = export_graph(source.model, static_batch=static, projection=projection, attributes=layer)
        return quantise(network, images, tail)

    if kept is not None:
        flatbuffer = with_names_of(make(), kept.flatbuffer)
        card = kept.card if isinstance(kept.card, ClassifierCard) else None
        doubt = card.embedding.doubt if card is not None and card.embedding else 0.0
        packed, caution = _packed_again(kept, flatbuffer, images), None if card is None else card.caution
        return Quantised(flatbuffer, packed, head, len(sample), tail, doubt, caution)
    source.reporter.note("fitting the last layer to the rounded network")
    views = views_of(source.cut(records, MARGIN), source.looks, source.size)
    flatbuffer, prototypes = refitted(make, source.model, views, projection), None
    if projection is not None:
        tried = try_flatbuffer(flatbuffer, images)
        stored, scale, zero_point = tried.stored_embeddings(), tried.embedding_scale, tried.embedding_zero_point
        prototypes = pack_prototypes(stored, scale, zero_point, sample.labels, sample.laboratories)
    return Quantised(flatbuffer, prototypes, head, len(sample), tail, settings.doubt)


def _packed_again(kept: Bundle, flatbuffer: bytes, images: NDArray[np.uint8]) -> bytes | None:
    """The prototypes of a bundle, for a flatbuffer with the same embedding."""
    if kept.prototypes is None:
        return None
    tried, home = try_flatbuffer(flatbuffer, images[:1]), kept.prototypes
    scale, zero_point = tried.embedding_scale, tried.embedding_zero_point
    stored = np.round(home.embeddings / scale + zero_point).astype(np.int8)
    return pack_prototypes(stored, scale, zero_point, home.labels, home.laboratories)


def attribute_head(source: Source) -> AttributeHead:
    """A head for the attributes: the run's branch, or fitted on the training cells that a table describes.

    Raises:
        DataError: no table describes any, or another one than the branch learnt from.
    """
    values, answers = described(source.records, source.data)
    if source.branch is not None:
        if source.branch.output_shape[-1] != sum(len(own) for own in values.values()):
            raise DataError(
                "The table of attributes has other values than the branch learnt.",
                "Train it again: `train attributes`.",
            )
        return AttributeHead(source.branch, values)
    records = [r for r in in_split(source.records, "train") if f"{r.laboratory}/{r.key}" in answers]
    if not records:
        raise DataError("No table describes the attributes of a training cell.", "Convert without --attributes.")
    source.reporter.note(f"fitting {len(values)} attributes on {len(records)} cells")
    features = pooled_features(source.model, prepare_cells(source.cut(records), source.looks))
    return fit_head(features, np.array([answers[f"{r.laboratory}/{r.key}"] for r in records]), values)
