from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from hemato_edge.counting.mapping.slide_map import Joined, Move
from hemato_edge.mosaic.collector import MosaicCollector
from hemato_edge.output_files import OutputError
from hemato_edge.values import Cell, Judgement, Pose
from hemato_edge.vision.field_view import FieldView

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT = 64, 48


def view(seed: int = 0) -> FieldView:
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return FieldView(cv2.GaussianBlur(noise, (0, 0), 4))


def at(x: float, y: float, region: int = 0) -> Pose:
    return Pose(region, x, y, 1.0)


def cell(number: int, x: float, y: float) -> Cell:
    probabilities = np.zeros(9, np.float32)
    judgement = Judgement("neutrophil", "neutrophil", 0.9, probabilities)
    return Cell(x, y, (0.0, 0.0, 10.0, 10.0), 10.0, 0.9, judgement, number=number)


@pytest.fixture
def collector(tmp_path: Path) -> MosaicCollector:
    return MosaicCollector(tmp_path / "pictures")


def test_a_new_place_is_kept_and_a_known_one_is_not(collector: MosaicCollector) -> None:
    for step in range(20):
        collector.saw(view(step), at(4.0 * step, 0.0), 0.3)
    assert [one.x for one in collector.frames] == [0.0, 20.0, 40.0, 60.0]  # each shares less than 70 % with the others
    picture = cv2.imread(str(collector.frames[1].path))
    assert np.abs(picture.astype(int) - view(5).picture).mean() < 12


def test_a_sharper_view_takes_the_place(collector: MosaicCollector) -> None:
    collector.saw(view(1), at(0, 0), 0.20)
    collector.saw(view(2), at(1, 1), 0.21)  # hardly sharper
    collector.saw(view(3), at(12, 0), 0.50)  # sharper, but elsewhere
    assert [one.focus for one in collector.frames] == [0.20]
    collector.saw(view(4), at(2, 1), 0.30)
    (one,) = collector.frames
    assert (one.x, one.y, one.focus) == (2, 1, 0.30)
    assert np.abs(cv2.imread(str(one.path)).astype(int) - view(4).picture).mean() < 12
    assert len(list(one.path.parent.iterdir())) == 1


def test_regions_are_apart_until_they_are_joined(collector: MosaicCollector) -> None:
    collector.saw(view(1), at(0, 0, 0), 0.3)
    collector.saw(view(2), at(0, 0, 1), 0.3)
    collector.named([cell(1, 30, 20)], at(0, 0, 0))
    collector.named([cell(2, 10, 12)], at(0, 0, 1))
    assert [one.region for one in collector.frames] == [0, 1]
    collector.corrected([Joined(1, 0, 100.0, 50.0)], [])
    assert [(one.region, one.x, one.y) for one in collector.frames] == [(0, 0, 0), (0, 100, 50)]
    assert [(one.number, one.region, one.x, one.y) for one in collector.cells] == [(1, 0, 30, 20), (2, 0, 110, 62)]


def test_a_rotated_region_turns_about_its_origin(collector: MosaicCollector) -> None:
    collector.saw(view(1), at(0, 0, 0), 0.3)
    collector.saw(view(2), at(200, 0, 1), 0.3)
    collector.named([cell(1, 232, 24)], at(200, 0, 1))  # the middle of that frame
    collector.corrected([Joined(1, 0, 5.0, 7.0, 90.0)], [])
    frame, found = collector.frames[1], collector.cells[0]
    assert frame.angle_deg == 90
    assert (frame.x + WIDTH / 2, frame.y + HEIGHT / 2) == pytest.approx((found.x, found.y))
    assert (found.x, found.y) == pytest.approx((5 - 24, 7 + 232))


def test_everything_moves_with_its_nearest_key_field(collector: MosaicCollector) -> None:
    for x in (0, 50, 100):
        collector.saw(view(x), at(x, 0), 0.3)
    collector.named([cell(1, 110, 10)], at(100, 0))
    collector.corrected([], [Move(0, 0, 0, 1.0, 0.0), Move(0, 100, 0, 3.0, -2.0), Move(5, 50, 0, 9.0, 9.0)])
    assert [(one.x, one.y) for one in collector.frames] == [(1, 0), (51, 0), (103, -2)]
    assert (collector.cells[0].x, collector.cells[0].y) == (113, 8)


def test_pictures_are_bounded_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    collector = MosaicCollector(tmp_path, most=3)
    for step in range(6):
        collector.saw(view(step), at(100.0 * step, 0), 0.3)
    assert len(collector.frames) == 3
    assert collector.left_out == 3


def test_room_is_told_before_and_a_full_disk_ends_no_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    collector = MosaicCollector(tmp_path / "p", most=10)
    with caplog.at_level(logging.WARNING):
        collector.saw(view(), at(0, 0), 0.3)
        assert "takes up to" in caplog.text
        (tmp_path / "p" / "00001.jpg").mkdir()  # no file can be written there
        collector.saw(view(), at(500, 0), 0.3)
        collector.saw(view(), at(900, 0), 0.3)
    assert "keeps no more pictures" in caplog.text
    assert len(collector.frames) == 1


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        MosaicCollector(tmp_path / "file" / "pictures")
