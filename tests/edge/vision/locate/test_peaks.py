"""From maps to boxes."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.labels import KINDS, PLATELET, RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.locate.peaks import (
    BOX_VALUES,
    MAX_PEAKS,
    STRIDE,
    RealMaps,
    find_peaks,
    find_peaks_of_all,
    one_box_a_cell,
)

RED = 60.0


def empty_maps(rows: int = 20, columns: int = 30) -> tuple[np.ndarray, np.ndarray]:
    return np.full((rows, columns, 3), -8.0, np.float32), np.zeros((rows, columns, 3 * BOX_VALUES), np.float32)


def test_a_peak_becomes_a_box() -> None:
    heat, boxes = empty_maps()
    heat[5, 7, RBC] = 2.0
    heat[5, 8, RBC] = 1.0  # its slope is no cell of its own
    boxes[5, 7, RBC * BOX_VALUES :][:BOX_VALUES] = (0.1, -0.05, np.log(0.9), np.log(1.2))
    found = find_peaks(heat, boxes, RED, 0.3)
    assert found.kinds.tolist() == [RBC]
    assert found.scores[0] == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-4)
    assert found.centres[0] == pytest.approx([7.5 * STRIDE + 6, 5.5 * STRIDE - 3], abs=1e-3)
    assert (found.boxes[0, 2:] - found.boxes[0, :2]) == pytest.approx([54, 72], abs=1e-2)


def test_each_kind_reads_its_own_maps() -> None:
    heat, boxes = empty_maps()
    for kind in (WBC, RBC, PLATELET):
        heat[10, 10, kind] = 1.0
        boxes[10, 10, kind * BOX_VALUES + 2 : kind * BOX_VALUES + 4] = np.log(kind + 1)
    found = find_peaks(heat, boxes, RED, 0.5)
    order = np.argsort(found.kinds)
    assert found.kinds[order].tolist() == [WBC, RBC, PLATELET]
    assert found.sizes[order] == pytest.approx([RED, 2 * RED, 3 * RED], rel=1e-4)


def test_low_peaks_are_left_out_and_noise_is_bounded() -> None:
    heat, boxes = empty_maps(60, 80)
    heat[1, 1, WBC] = -1.0
    assert len(find_peaks(heat, boxes, RED, 0.5)) == 0
    assert len(find_peaks(heat, boxes, RED, 0.2)) == 1
    assert len(find_peaks(heat, boxes, RED, 0.0)) == MAX_PEAKS  # a flat map is all peaks


def test_absurd_sizes_stay_boxes() -> None:
    heat, boxes = empty_maps()
    heat[3, 3, WBC] = 5
    boxes[3, 3, 2:4] = (-90, 90)
    extent = np.ptp(find_peaks(heat, boxes, RED, 0.5).boxes.reshape(2, 2), axis=0)
    assert 0 < extent[0] < RED < extent[1] < 1000


def test_of_boxes_on_one_cell_the_best_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [0, 0, 10, 10], [7, 0, 17, 10]], np.float32)
    kinds = np.array([RBC, RBC, WBC, RBC], np.int8)
    scores = np.array([0.6, 0.9, 0.5, 0.4], np.float32)
    kept = one_box_a_cell(Detections(boxes, kinds, scores), (0.4, 0.5, 0.4))
    assert sorted(kept.scores.tolist()) == pytest.approx([0.4, 0.5, 0.9])  # kinds do not compete


def test_windows_are_read_together_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    heat = rng.normal(0, 2, (3, 48, 64, len(KINDS))).astype(np.float32)
    boxes = rng.normal(0, 0.3, (3, 48, 64, BOX_VALUES * len(KINDS))).astype(np.float32)
    for floor in (0.0, 0.9):
        found, windows = find_peaks_of_all(heat, boxes, RED, floor)
        for window in range(3):
            alone, mine = find_peaks(heat[window], boxes[window], RED, floor), found.select(windows == window)
            assert len(alone) == len(mine)
            assert mine == alone


@pytest.mark.parametrize("floor", [0.0, 0.3, 0.9, 0.999999])
def test_peaks_of_quantised_maps_are_those_of_their_real_numbers(floor: float) -> None:
    rng = np.random.default_rng(5)
    heat = rng.integers(-128, 128, (2, 48, 64, len(KINDS))).astype(np.int8)
    boxes = rng.integers(-128, 128, (2, 48, 64, BOX_VALUES * len(KINDS))).astype(np.int8)

    def real(scale: float, zero_point: int, values: np.ndarray) -> np.ndarray:
        return (values.astype(np.float32) - np.float32(zero_point)) * np.float32(scale)

    maps = RealMaps(lambda values: real(0.09, 20, values), lambda values: real(0.01, -3, values))
    found, windows = find_peaks_of_all(heat, boxes, RED, floor, maps)
    expected, expected_windows = find_peaks_of_all(maps.heat(heat), maps.boxes(boxes), RED, floor)
    assert found == expected
    assert windows.tolist() == expected_windows.tolist()
    assert len(found) or floor > 0.99
