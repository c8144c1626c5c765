from __future__ import annotations

import cv2
import numpy as np
import pytest
from training.drawn_blood import BACKGROUND, draw_picture

from hemato_edge.vision.optics.stain import OFFSET, REFERENCE_LEVEL, REFERENCE_NUCLEUS_OD, StainCalibration, apply_stain
from hemato_training.augment.stain_and_optics import MARGIN, augment, change_pose, photograph_elsewhere

SIZE = 64
REFERENCE = StainCalibration.reference()
GLASS = REFERENCE.on_glass(np.array(BACKGROUND, float))


@pytest.fixture
def crop() -> np.ndarray:
    side = round(SIZE * MARGIN)
    return cv2.resize(draw_picture("eosinophil", 150, 150, np.random.default_rng(1))[0], (side, side))


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.6, 1.0])
def test_form_and_determinism(crop: np.ndarray, strength: float) -> None:
    first = [augment(crop, GLASS, SIZE, np.random.default_rng([3, i]), strength) for i in range(40)]
    again = [augment(crop, GLASS, SIZE, np.random.default_rng([3, i]), strength) for i in range(40)]
    assert all(a.shape == (SIZE, SIZE, 3) and a.dtype == np.uint8 for a in first)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])


def test_input_is_left_alone(crop: np.ndarray) -> None:
    before = crop.copy()
    for i in range(20):
        augment(crop, GLASS, SIZE, np.random.default_rng(i), 1.0)
    assert np.array_equal(before, crop)


def test_strength_zero_moves_but_does_not_colour(crop: np.ndarray) -> None:
    def grounds(strength: float) -> np.ndarray:
        views = [augment(crop, GLASS, SIZE, np.random.default_rng(i), strength) for i in range(60)]
        return np.array([np.percentile(view.reshape(-1, 3), 85, axis=0) for view in views])

    plain, strong = grounds(0.0), grounds(0.6)
    assert np.abs(plain - (REFERENCE_LEVEL - OFFSET)).max() < 12
    assert strong.std(axis=0).min() > 5


def test_pose_keeps_the_cell_in_the_picture(crop: np.ndarray) -> None:
    marked = np.full_like(crop, 200)
    centre = crop.shape[0] // 2
    cv2.circle(marked, (centre, centre), 6, (0, 0, 0), -1)
    for i in range(100):
        view = change_pose(marked, SIZE, np.random.default_rng(i), 1.0)
        rows, columns = np.nonzero(view[..., 0] < 100)
        assert np.hypot(rows.mean() - SIZE / 2, columns.mean() - SIZE / 2) < 0.12 * SIZE


def test_another_laboratory_is_seen_and_measured() -> None:
    """What is photographed differs widely; after normalisation the two measured points are where they belong."""
    plain = StainCalibration((200, 225, 250), (0.4, 2.0, 1.2), 1)
    halves = np.empty((SIZE, SIZE, 3), np.uint8)
    halves[:, : SIZE // 2] = plain.background
    nucleus = (np.array(plain.background) + OFFSET) * np.exp(-np.array(plain.nucleus_od)) - OFFSET
    halves[:, SIZE // 2 :] = np.clip(np.rint(nucleus), 0, 255)
    glasses, grounds, nuclei = [], [], []
    for i in range(60):
        picture, measured = photograph_elsewhere(halves, plain, np.random.default_rng(i), 0.6)
        glasses.append(picture[:, 4 : SIZE // 2 - 4].mean(axis=(0, 1)))
        back = apply_stain(picture, measured)
        grounds.append(back[:, 4 : SIZE // 2 - 4].mean(axis=(0, 1)))
        nuclei.append(back[:, SIZE // 2 + 4 :].mean(axis=(0, 1)))
    assert np.std(glasses, axis=0).min() > 15
    assert np.abs(np.median(grounds, axis=0) - (REFERENCE_LEVEL - OFFSET)).max() < 8
    reference = (REFERENCE_LEVEL) * np.exp(-np.array(REFERENCE_NUCLEUS_OD)) - OFFSET
    assert np.abs(np.median(nuclei, axis=0) - reference).max() < 25
    assert np.std(grounds, axis=0).max() < 0.7 * np.std(glasses, axis=0).max()
