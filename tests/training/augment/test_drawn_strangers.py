from __future__ import annotations

import cv2
import numpy as np
import pytest
from training.drawn_blood import BACKGROUND, draw_picture

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.augment import drawn_strangers
from hemato_training.augment.drawn_strangers import draw_stranger, enlarged, overlapping, paler, shifted, spread, torn
from hemato_training.data.crops import Cells

SIDE = 96
GLASS = np.array(BACKGROUND, float)


def crop_of(label: str, seed: int = 1) -> np.ndarray:
    return cv2.resize(draw_picture(label, 150, 150, np.random.default_rng(seed))[0], (SIDE, SIDE))


def cells(*labels: str) -> Cells:
    n = len(labels)
    return Cells(
        np.stack([crop_of(label) for label in labels]),
        np.array([CLASSIFIER_LABELS.index(label) for label in labels]),
        np.array(["pbc"] * n),
        np.array([f"{i}.png" for i in range(n)]),
        np.tile(GLASS, (n, 1)),
        np.array([f"pbc/{i}" for i in range(n)]),
    )


def darkness(picture: np.ndarray) -> np.ndarray:
    """(M, M) how far each pixel is from glass, in its darkest channel."""
    return np.clip(GLASS - picture, 0, None).max(axis=2)


def nucleus_px(picture: np.ndarray) -> int:
    return int(np.count_nonzero(picture[..., 1] < 0.45 * GLASS[1]))


def test_the_same_generator_draws_the_same_stranger() -> None:
    known = cells("lymphocyte", "neutrophil", "platelet")
    first, again = ([draw_stranger(known, np.random.default_rng([2, i])) for i in range(20)] for _ in range(2))
    for (crop, one), (other, same) in zip(first, again, strict=True):
        assert crop.shape == (SIDE, SIDE, 3)
        assert crop.dtype == np.uint8
        assert one == same
        assert np.array_equal(crop, other)
        assert one < 2  # a platelet has no nucleus
        assert np.abs(crop.astype(int) - known.crops[one]).mean() > 2


def test_without_a_nucleus_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueError, match="nucleated"):
        draw_stranger(cells("platelet"), np.random.default_rng(1))


@pytest.mark.parametrize("kind", list(drawn_strangers.KINDS))
def test_each_kind_is_drawn(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    made = {"enlarged": enlarged, "torn": torn, "spread": spread, "overlapping": overlapping}
    for name, function in made.items():
        monkeypatch.setattr(
            drawn_strangers, name, lambda *given, name=name, function=function: asked.append(name) or function(*given)
        )
    monkeypatch.setattr(drawn_strangers, "KINDS", {kind: 1.0})
    draw_stranger(cells("lymphocyte", "neutrophil"), np.random.default_rng(1))
    assert asked == [kind]
    asked.clear()
    draw_stranger(cells("neutrophil"), np.random.default_rng(1))  # no round nucleus to enlarge
    assert asked == ["torn" if kind == "enlarged" else kind]


def test_an_enlarged_cell_has_a_larger_nucleus() -> None:
    crop = crop_of("lymphocyte")
    larger = [nucleus_px(enlarged(crop, "lymphocyte", GLASS, np.random.default_rng(i))) for i in range(12)]
    assert np.median(larger) > 1.3 * nucleus_px(crop)


def test_what_is_spread_is_paler_than_the_nucleus_as_a_rule() -> None:
    crop = crop_of("neutrophil")
    middle = slice(SIDE // 2 - 8, SIDE // 2 + 8)
    found = [np.median(darkness(spread(crop, GLASS, np.random.default_rng(i)))[middle, middle]) for i in range(12)]
    assert min(found) > 5  # never plain glass
    assert np.median(found) < 0.9 * np.median(darkness(crop)[middle, middle])


def test_two_cells_absorb_what_both_absorb() -> None:
    grey = np.full((SIDE, SIDE, 3), 120, np.uint8)
    glass = np.full(3, 240.0)
    assert np.unique(overlapping(grey, grey, glass, np.random.default_rng(1))).tolist() == [60]


def test_paler_and_shifted() -> None:
    crop = crop_of("neutrophil")
    assert np.abs(paler(crop, GLASS, 1.0).astype(int) - crop).max() <= 1
    assert darkness(paler(crop, GLASS, 0.5)).max() == pytest.approx(darkness(crop).max() / 2, abs=2)
    moved = shifted(crop, 10, 0.0)
    assert np.array_equal(moved[:, 10:], crop[:, :-10])
