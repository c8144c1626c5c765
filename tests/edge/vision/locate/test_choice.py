"""The locator that ships, and the choice between the two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.errors import ModelError
from hemato_edge.labels import KINDS, WBC
from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.locator_model import LocatorModel
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import TFLiteLocator, load_locator
from hemato_edge.vision.locate.locator import DEFAULT_MIN_SCORE, OpenCvLocator
from hemato_edge.vision.optics.nuclei import measure_stain, nuclei_in


@pytest.fixture(scope="module")
def learned() -> TFLiteLocator:
    locator = load_locator("learned")
    assert isinstance(locator, TFLiteLocator)
    return locator


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cells_of_a_drawn_field(learned: TFLiteLocator, seed: int) -> None:
    """It was never trained on drawn cells."""
    image, truth = draw_field(seed)
    found = learned.locate(FieldView(image))
    white = [(t.x_px, t.y_px) for t in truth if t.kind == "wbc"]
    assert found.counts()["wbc"] == len(white)
    for place in white:
        assert np.hypot(*(found.of_kind(WBC).centres - place).T).min() < 20
    red = sum(t.kind == "rbc" for t in truth)
    assert abs(found.counts()["rbc"] - red) < 0.2 * red


def test_the_same_cells_at_a_known_scale(learned: TFLiteLocator) -> None:
    image, _ = draw_field(1)
    alone = learned.locate(FieldView(image))
    known = learned.locate(FieldView(image, red_cell_px=float(np.median(alone.of_kind(1).sizes))))
    assert known.counts()["wbc"] == alone.counts()["wbc"]


def test_its_nuclei_give_the_stain_that_the_classical_ones_give(learned: TFLiteLocator) -> None:
    image, _ = draw_field(1)
    view = FieldView(image)
    masks = nuclei_in(view, learned.locate(view)), OpenCvLocator().nuclei(view)
    stains = [measure_stain(view, mask) for mask in masks]
    assert None not in stains
    ours, theirs = (np.array(s.nucleus_od) for s in stains if s is not None)
    assert np.abs(ours / theirs - 1).max() < 0.25


def test_a_lower_threshold_gives_more(learned: TFLiteLocator) -> None:
    image, _ = draw_field(2)
    few, many = (load_locator("learned", min_score=s).locate(FieldView(image)) for s in (0.9, 0.05))
    assert len(few) < len(learned.locate(FieldView(image))) < len(many)
    assert many.scores.min() >= 0.05


def test_the_choice() -> None:
    assert isinstance(load_locator("auto"), TFLiteLocator)
    classical = load_locator("opencv")
    assert isinstance(classical, OpenCvLocator)
    assert classical.min_score == DEFAULT_MIN_SCORE
    assert classical.provenance == "opencv"
    assert read_bundle(shipped_locator()).sha256[:16] in load_locator("learned").provenance
    with pytest.raises(ModelError, match="not to locate"):
        load_locator("learned", shipped_classifier())


def test_a_locator_of_other_cells_is_refused() -> None:
    bundle = read_bundle(shipped_locator())
    other = bundle.card.model_copy(update={"labels": ("wbc", "rbc", "blast")})
    with pytest.raises(ModelError, match="but this program counts wbc, rbc, platelet"):
        TFLiteLocator(LocatorModel(replace(bundle, card=other)))


def test_what_ships_is_small_and_says_so() -> None:
    card = read_bundle(shipped_locator()).card
    assert card.labels == KINDS
    assert card.multiply_adds <= 300_000_000  # type: ignore[union-attr]
    assert shipped_locator().stat().st_size <= 1_000_000
