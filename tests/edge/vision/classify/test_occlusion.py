from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.vision.classify.occlusion import GLASS, GRID, occlusion_maps


def darkness_of(rows: slice, columns: slice):
    """A model of two classes whose first logit is the darkness of one part of the crop, its second the negative."""

    def logits(images: np.ndarray) -> np.ndarray:
        dark = (255.0 - images[:, rows, columns].astype(np.float32)).mean(axis=(1, 2, 3))
        return np.stack([dark, -dark], axis=1)

    return logits


@pytest.mark.parametrize("size", [48, 96, 112])
@pytest.mark.parametrize(("y", "x"), [(2, 3), (8, 1), (5, 5)])
def test_the_map_marks_what_the_answer_rests_on(size: int, y: int, x: int) -> None:
    cell = size // 6
    rows, columns = (slice(at * size // GRID, at * size // GRID + cell) for at in (y, x))
    images = np.full((2, size, size, 3), GLASS, np.uint8)
    images[:, rows, columns] = 60
    maps = occlusion_maps(darkness_of(rows, columns), images, np.array([0, 1]))
    assert maps.shape == (2, GRID, GRID)
    assert maps.dtype == np.float32
    peak = np.unravel_index(maps[0].argmax(), maps[0].shape)
    assert abs(peak[0] - y) <= 2
    assert abs(peak[1] - x) <= 2
    assert np.allclose(maps[1], -maps[0])  # what speaks for one class speaks against the other
    assert abs(maps[0, (y + 6) % GRID, (x + 6) % GRID]) < 0.05 * maps[0].max()


def test_an_empty_crop_has_an_empty_map() -> None:
    images = np.full((1, 48, 48, 3), GLASS, np.uint8)
    assert not occlusion_maps(darkness_of(slice(None), slice(None)), images, np.array([0])).any()
