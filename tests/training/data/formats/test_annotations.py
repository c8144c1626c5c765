from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hemato_edge.errors import DataError
from hemato_edge.labels import PLATELET, RBC, WBC
from hemato_training.data.formats.annotations import read_voc, read_yolo

if TYPE_CHECKING:
    from pathlib import Path


def voc(*objects: str) -> str:
    return f"<annotation>{''.join(f'<object>{o}</object>' for o in objects)}</annotation>"


def corners(*sides: float) -> str:
    names = ("xmin", "ymin", "xmax", "ymax")
    return "<bndbox>" + "".join(f"<{n}>{v}</{n}>" for n, v in zip(names, sides, strict=False)) + "</bndbox>"


def test_voc(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    kinds = [("WBC", (1, 2, 30, 40)), ("Platelets", (5, 5, 9, 9)), ("RBC", (7, 7, 7, 20))]
    path.write_text(voc(*(f"<name>{name}</name>{corners(*box)}" for name, box in kinds)))
    boxes = read_voc(path)
    assert boxes.kinds.tolist() == [WBC, PLATELET]
    assert boxes.of_kind(WBC).tolist() == [[1, 2, 30, 40]]
    assert boxes.of_kind(RBC).shape == (0, 4)
    assert boxes.degenerate == 1


@pytest.mark.parametrize("sides", [(30, 40, 1, 2), (30, 2, 1, 40), (1, 40, 30, 2)])
def test_a_box_may_be_drawn_from_any_corner(tmp_path: Path, sides: tuple[int, ...]) -> None:
    path = tmp_path / "a.xml"
    path.write_text(voc(f"<name>WBC</name>{corners(*sides)}", f"<name>RBC</name>{corners(5, 5, 9, 9)}"))
    boxes = read_voc(path)
    assert boxes.xyxy.tolist() == [[1, 2, 30, 40], [5, 5, 9, 9]]
    assert (boxes.turned, boxes.degenerate) == (1, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (voc(f"<name>WBC</name>{corners(1)}"), "lacks a corner"),
        (voc(f"<name>WBC</name>{corners(1, 2, 3, 4).replace('2', 'two')}"), "no number"),
        (voc(f"<name>cat</name>{corners(1, 2, 3, 4)}"), "object 'cat'"),
        ("no xml", "cannot be read"),
    ],
)
def test_a_bad_voc_file(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_voc(path)


def test_yolo(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0 0.5 0.5 0.2 0.4\n\n2 0.1 0.1 0 0.1\n")
    boxes = read_yolo(path, 200, 100)
    assert np.allclose(boxes.xyxy, [[80, 30, 120, 70]])
    assert boxes.degenerate == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [("0 0.5 0.5 0.2", "Line 1"), ("0 0 0 1 1\n7 0 0 1 1", "Line 2 .* class number 7"), ("a b c d e", "Line 1")],
)
def test_a_bad_yolo_file(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=said):
        read_yolo(path, 10, 10)
    with pytest.raises(DataError, match="cannot be read"):
        read_yolo(tmp_path / "none.txt", 10, 10)


def test_every_set_of_fields_is_read(shared_data: Path) -> None:
    from hemato_training.data.field_sets import load_fields

    fields = load_fields(shared_data)
    assert len(fields) == 283 + 362 + 264
    assert sum(field.boxes.degenerate for field in fields if field.laboratory == "bccd") == 2
