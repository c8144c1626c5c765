"""From a site's named cells to a bundle of its own: tuned, converted, judged beside the one that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_convert.convert import convert_source
from hemato_convert.settings import ConversionSettings
from hemato_convert.source import Source
from hemato_edge.errors import DataError
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.models.bundle import check_bundle_path, read_bundle
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_training.attributes.origin import bundle_branch
from hemato_training.augment.stain_and_optics import MARGIN
from hemato_training.classify.site_tuning import Tuning, tune
from hemato_training.data.attributes import read_attributes
from hemato_training.data.cell_sets import LABORATORIES, load, titled
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.formats.folders import read_folder
from hemato_training.data.records import Record, by_laboratory, in_split, refuse_leaks, split_hash, thin
from hemato_training.data.splitting.deal import keep_or_deal
from hemato_training.data.splitting.split import blocks_of
from hemato_training.networks.backbones import build_classifier
from hemato_training.runs.files import versions
from hemato_training.runs.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_convert.convert import Conversion
    from hemato_edge.models.bundle import Bundle
    from hemato_edge.models.card import ClassifierCard
    from hemato_training.data.formats.picture_set import Picture
    from hemato_training.progress import Reporter

PER_CLASS = 150
"""Home cells of each laboratory, class and split: more only cost time."""
LEAST_CELLS = 25
HELD_OUT = 0.25
"""Share of the site's cells that are judged by and not learnt from."""


@dataclass(frozen=True, slots=True)
class SiteModel:
    """What came of it.

    Attributes:
        conversion: the bundle, and its figures on home's held-out cells and the site's.
        held_out: the site's cells that it was judged by.
        before, after: share of these that the bundle which it came from, and the new one, called rightly.
    """

    conversion: Conversion
    held_out: int
    before: float
    after: float


def train_for_site(
    folder: Path,
    data: Path,
    out: Path,
    base: Path,
    *,
    tuning: Tuning | None = None,
    cache: Path | None = None,
    reporter: Reporter,
) -> SiteModel:
    """Tune the last blocks of a bundle's network to a site's cells and write the bundle that comes of it.

    The new card keeps the threshold of `base` where its own would be lower, and what `base` did in left-out
    laboratories: a site's few cells cannot vouch for more.

    Args:
        folder: labelled single-cell pictures, see `site_records`.
        data: the directory of home's data sets.
        out: the bundle to write.
        base: the bundle to begin with.
        tuning: how; the defaults unless given.
        cache: folder for crops; beside `out` unless named.
        reporter: receives progress.

    Raises:
        DataError: if the folder has too few cells or no home data set is there.
        ModelError: as `convert`.
    """
    check_bundle_path(out)
    began = read_bundle(base)
    card: Any = ClassifierModel(began).card
    site = site_records(folder, reporter)
    learnt = titled(source.name for source in card.training)
    names = tuple(name for name in learnt if (data / name).is_dir())
    if not names:
        raise DataError(f"{data} has none of {', '.join(learnt)}.", "Name the directory of the data sets with --data.")
    records = [*thin(load(data, names), PER_CLASS), *site]
    refuse_leaks(records)
    keep, size, tuning = cache or out.parent / "cells", card.input.size, tuning or Tuning()
    looks = looks_of(records, keep, reporter)
    model = build_classifier(
        card.architecture, size, len(CLASSIFIER_LABELS), alpha=card.alpha or 1.0, weights=str(base)
    )
    train = in_split(records, "train")
    home = cells_of([r for r in train if r.laboratory in names], looks, size, keep, MARGIN, reporter)
    own = cells_of([r for r in train if r.laboratory not in names], looks, size, keep, MARGIN, reporter)
    tune(model, home, own, looks, tuning, reporter)
    facts = _facts(records, card, base, tuning)
    source = Source(model, facts, looks, records, data, keep, reporter, bundle_branch(model, base))
    conversion = convert_source(source, out, _settings(card, data, names), lambda made: _careful(made, card))
    return _judged(conversion, began, site, source)


def site_records(folder: Path, reporter: Reporter) -> list[Record]:
    """The single-cell pictures of a folder that is labelled in any way `data check` knows; a split of its own is kept.

    Without one a quarter is held out; copies, and cells that an index groups, stay together.

    Raises:
        DataError: if it cannot be read, or has fewer than `LEAST_CELLS` cells in all or two classes.
    """
    found = read_folder(folder)
    labels = [picture.cells[0].label for picture in found.pictures if _is_single(picture)]
    classes = len(set(labels))
    if len(labels) < LEAST_CELLS or classes < 2:
        raise DataError(
            f"{folder} has {len(labels)} cells of {classes} classes; {LEAST_CELLS} of two classes are the least.",
            "Sort pictures of single cells into folders such as neutrophil and lymphocyte; see `review export`.",
        )
    blocks = blocks_of(found, reporter)
    splits = keep_or_deal(found.pictures, blocks, {"val": HELD_OUT}, seed=1)
    name = folder.resolve().name
    name = f"{name} (site)" if name in LABORATORIES else name
    return [
        Record(picture.path, picture.cells[0].label, name, f"{name}/{block}", splits[block], picture.name)
        for block, members in blocks.items()
        for picture in (found.pictures[i] for i in members)
        if _is_single(picture)
    ]


def _is_single(picture: Picture) -> bool:
    return len(picture.cells) == 1 and picture.cells[0].box is None


def _settings(card: ClassifierCard, data: Path, names: tuple[str, ...]) -> ConversionSettings:
    embedding = card.embedding
    return ConversionSettings(
        name=f"{card.name}, tuned to a site",
        embedding=embedding is not None,
        doubt=0.0 if embedding is None else embedding.doubt,
        attributes=bool(card.attributes) and any(read_attributes(data / name) is not None for name in names),
        second_look_views=card.second_look_views,
        min_agreement=0.97,
    )


def _facts(records: list[Record], card: ClassifierCard, base: Path, tuning: Tuning) -> dict[str, Any]:
    """What a run would have written down."""
    settings = Settings(
        data=base.parent,
        out=base.parent,
        laboratories=(),
        architecture=card.architecture,
        size=card.input.size,
        alpha=card.alpha or 1.0,
        weights=str(base),
        head_epochs=0,
        epochs=tuning.epochs,
        learning_rate=tuning.learning_rate,
        strength=tuning.strength,
        views=tuning.views,
        seed=tuning.seed,
        per_class=PER_CLASS,
    )
    cells = {
        name: {
            "train": len(in_split(own, "train")),
            "val": len(in_split(own, "val")),
            "split_sha256": split_hash(own),
        }
        for name, own in by_laboratory(records).items()
    }
    plain = settings.as_json() | {"laboratories": ",".join(cells), "tuned": "head and last blocks"}
    return {"settings": plain, "labels": list(CLASSIFIER_LABELS), "data": cells, "versions": versions()}


def _careful(made: ClassifierCard, card: ClassifierCard) -> ClassifierCard:
    threshold = max(made.rejection_threshold, card.rejection_threshold)
    return made.model_copy(update={"rejection_threshold": threshold, "abroad": card.abroad})


def _judged(conversion: Conversion, began: Bundle, site: list[Record], source: Source) -> SiteModel:
    cells = source.cut(in_split(site, "val"))
    images = prepare_cells(cells, source.looks)
    shares = [
        float(np.mean(ClassifierModel(bundle).outputs(images).logits.argmax(axis=1) == cells.labels))
        for bundle in (began, read_bundle(conversion.path))
    ]
    return SiteModel(conversion, len(cells), *shares)
