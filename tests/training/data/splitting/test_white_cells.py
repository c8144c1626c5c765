"""Pictures that show no white cell are found, named and left out; those that do are kept."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from training.drawn_blood import draw_data

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.labels import WBC
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_training.data.cell_sets import load
from hemato_training.data.records import Record
from hemato_training.data.splitting.check import check
from hemato_training.data.splitting.white_cells import show_none, without_empty

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    """Pictures of single white cells cut from the drawn slide, and others of red cells alone."""
    folder, locator = tmp_path_factory.mktemp("cells"), load_locator()
    camera = DemoCamera(5, frames=40)
    camera.open()
    full: list[Path] = []
    empty: list[Path] = []
    for number in range(40):
        image = camera.read(60.0).image
        if number % 8:
            continue
        white = locator.locate(FieldView(image)).of_kind(WBC).centres
        for x, y in white:
            if 80 < x < image.shape[1] - 80 and 80 < y < image.shape[0] - 80:
                full.append(folder / f"white_{len(full)}.png")
                cv2.imwrite(str(full[-1]), image[int(y) - 80 : int(y) + 80, int(x) - 80 : int(x) + 80])
        for x, y in np.ndindex(4, 3):
            middle = np.array([80 + 160 * x, 80 + 160 * y])
            if not len(white) or np.hypot(*(white - middle).T).min() > 150:
                empty.append(folder / f"red_{len(empty)}.png")
                cv2.imwrite(str(empty[-1]), image[middle[1] - 80 : middle[1] + 80, middle[0] - 80 : middle[0] + 80])
    return full, empty


def test_pictures_without_a_white_cell_are_found(pictures: tuple[list[Path], list[Path]]) -> None:
    full, empty = pictures
    assert len(full) >= 3
    assert len(empty) >= 5
    found = show_none([*full, *empty])
    assert found == [i for i in found if i >= len(full)], "a cell that is there is not left out"
    assert len(found) >= 0.8 * len(empty)


def test_they_are_left_out_and_the_answer_is_kept(pictures: tuple[list[Path], list[Path]], tmp_path: Path) -> None:
    full, empty = pictures
    empty = [empty[i] for i in show_none(empty)]
    records = [Record(one, "neutrophil", "own", one.name, "train", one.name) for one in (*full[:2], *empty[:2])]
    boxed = Record(empty[2], "neutrophil", "own", "boxed", "train", "boxed", (1.0, 1.0, 50.0, 50.0))
    platelet = Record(empty[3], "platelet", "own", "platelet", "train", "platelet")
    for _ in range(2):
        kept, left_out = without_empty([*records, boxed, platelet], tmp_path)
        assert kept == [*records[:2], boxed, platelet]
        assert left_out == records[2:]
    assert len(list(tmp_path.glob("empty-*.json"))) == 1


def test_data_check_names_them(pictures: tuple[list[Path], list[Path]], tmp_path: Path) -> None:
    for place in ("neutrophil", "monocyte"):
        (tmp_path / place).mkdir()
    shutil.copy(pictures[0][0], tmp_path / "neutrophil" / "a.png")
    shutil.copy(pictures[0][1], tmp_path / "monocyte" / "b.png")
    empty = pictures[1][show_none(pictures[1])[0]]
    shutil.copy(empty, tmp_path / "neutrophil" / "c.png")
    finding = next(one for one in check(tmp_path).findings if one.code == "no_white_cell")
    assert finding.count == 1
    assert "c.png" in finding.examples[0]


def test_the_drawn_cells_of_other_tests_are_all_seen(tmp_path: Path) -> None:
    """Otherwise those tests would train on less than they mean to."""
    records = load(draw_data(tmp_path / "data"), ("pbc",))
    assert without_empty(records, tmp_path)[1] == []
