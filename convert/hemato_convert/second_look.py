"""Adds a second look to a bundle: a cell below the threshold is classified again by several views of its crop.

Temperature and threshold stay: both are of the first look. Measured again are the accuracy on held-out cells and the
answers in laboratories that are only judged by; those of other left-out laboratories stay as they are, of one look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_convert.left_out import counts_at
from hemato_convert.on_device import OnDevice, changeable_card, write_card
from hemato_edge.errors import ConfigurationError
from hemato_edge.models.bundle import PROTOTYPES, check_bundle_path, read_bundle
from hemato_edge.models.second_look import VIEWS
from hemato_training.data.cell_sets import load, titled
from hemato_training.data.crops import cells_of, looks_of, prepare_cells
from hemato_training.data.records import in_split

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.models.card import ClassifierCard
    from hemato_training.progress import Reporter


def add_second_look(
    base: Path, data: Path, out: Path, views: int, *, cache: Path | None = None, reporter: Reporter
) -> ClassifierCard:
    """Write `base` with a second look in `views` views; its network and golden pairs stay bit for bit.

    Args:
        base: a bundle.
        data: the directory of the data sets that it was trained on.
        out: the bundle to write.
        views: 1, 2, 4 or 8; see `hemato_edge.models.second_look`.
        cache: folder for crops; beside `out` unless named.
        reporter: receives progress.

    Returns:
        The new card.

    Raises:
        ConfigurationError: no such number of views.
        DataError: the data are missing.
        OutputError: what lies at `out` is no bundle.
        ModelError: the bundle cannot be read, is no classifier, or has parts for other runtimes.
    """
    check_bundle_path(out)
    if views not in VIEWS:
        choice = ", ".join(map(str, VIEWS))
        raise ConfigurationError(f"{views} views are not possible.", f"Choose one of {choice}.")
    bundle, keep = read_bundle(base), cache or out.parent / "cells"
    card = changeable_card(bundle)
    packed = None if card.embedding is None else bundle.part(PROTOTYPES)
    network = OnDevice(bundle.flatbuffer, packed, card).with_card(second_look_views=views)
    records = load(data, titled(source.name for source in card.training))
    looks = looks_of(records, keep, reporter)
    val = cells_of(in_split(records, "val"), looks, card.input.size, keep, reporter=reporter)
    if card.abroad:
        elsewhere = counts_at(network.judged_only(data, keep, reporter), card.rejection_threshold)
        network = network.with_card(abroad=card.abroad | elsewhere)
    return write_card(out, bundle, network.judged(prepare_cells(val, looks), val))
