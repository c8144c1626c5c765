from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from hemato_edge.vision.classify.occlusion import GLASS
from hemato_training.explain.curves import deletion_and_insertion

SIZE = 48
CELL = (slice(None), slice(4, 16), slice(4, 16))


def cell_is_there(images: np.ndarray) -> np.ndarray:
    """Logits of a model that answers 0 where the corner of the crop is dark, and 1 else."""
    dark = (GLASS - images[CELL].astype(np.float32)).mean(axis=(1, 2, 3)) / GLASS
    return np.stack([12 * (dark - 0.4), np.zeros(len(images))], axis=1)


@pytest.fixture
def images() -> np.ndarray:
    found = np.full((4, SIZE, SIZE, 3), GLASS, np.uint8)
    found[CELL] = 20
    return found


def maps(value: float) -> np.ndarray:
    found = np.zeros((4, 12, 12), np.float32)
    found[:, 1:4, 1:4] = value
    return found


def test_a_map_of_the_cell_beats_the_middle_and_chance(images) -> None:
    curves = deletion_and_insertion(cell_is_there, images, np.zeros(4, int), maps(1.0))
    assert curves.images == 4
    assert curves.by_map.deletion < 0.1 < curves.by_chance.deletion
    assert curves.by_map.insertion > 0.9 > curves.by_chance.insertion
    assert curves.by_map.deletion < curves.by_middle.deletion
    assert curves.by_map.insertion > curves.by_middle.insertion
    low, high = curves.by_chance.deletion_interval
    assert low <= curves.by_chance.deletion <= high
    assert set(curves.as_json()) == {"images", "by_map", "by_middle", "by_chance"}


def test_an_upside_down_map_is_the_worst(images) -> None:
    good = deletion_and_insertion(cell_is_there, images, np.zeros(4, int), maps(1.0)).by_map
    bad = deletion_and_insertion(cell_is_there, images, np.zeros(4, int), maps(-1.0)).by_map
    assert bad.deletion > 0.9 > good.deletion
    assert bad.insertion < 0.1 < good.insertion


def test_temperature_softens_the_probabilities(images) -> None:
    hot = deletion_and_insertion(cell_is_there, images, np.zeros(4, int), maps(1.0), temperature=50.0).by_map
    assert 0.4 < hot.deletion < hot.insertion < 0.6
