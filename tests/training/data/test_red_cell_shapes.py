"""Fields whose red cells have names."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import DataError
from hemato_training.data.red_cell_shapes import read_shape_fields

HEAD = "image,points\n"


def index(folder: Path, *rows: str) -> Path:
    (folder / "index.csv").write_text(HEAD + "\n".join(rows), encoding="utf-8")
    return folder


def test_names_of_the_first_list_are_read_as_the_present_ones(tmp_path: Path) -> None:
    index(tmp_path, "fields/3.jpg,rbc sickle 10 20;rbc hypochromia 30 40;rbc uncategorised 1 2;rbc schistocyte 5 6")
    (field,) = read_shape_fields(tmp_path)
    assert field.names == ("schistocyte", "elliptocyte", "hypochromia", "uncategorised")
    assert field.places.tolist() == [[10, 20], [30, 40], [1, 2], [5, 6]]
    assert field.path == tmp_path / "fields" / "3.jpg"


def test_names_of_the_present_list_stay(tmp_path: Path) -> None:
    index(tmp_path, "3.jpg,rbc schistocyte 10 20;rbc elliptocyte 30 40;rbc hypochromia 5 6")
    assert read_shape_fields(tmp_path)[0].names == ("schistocyte", "elliptocyte", "hypochromia")


def test_pictures_with_near_numbers_are_one_slide(tmp_path: Path) -> None:
    index(tmp_path, "90.jpg,", "3.jpg,", "18.jpg,", "40.jpg,", "46.jpg,")
    fields = read_shape_fields(tmp_path)
    assert [(one.number, one.slide) for one in fields] == [(3, 0), (18, 0), (40, 1), (46, 1), (90, 2)]
    assert all(one.places.shape == (0, 2) for one in fields)


@pytest.mark.parametrize("row", ["3.jpg,rbc normal 10", "3.jpg,rbc cell 1 2", "3.jpg,normal x y"])
def test_a_cell_without_name_or_place_is_an_error(tmp_path: Path, row: str) -> None:
    with pytest.raises(DataError):
        read_shape_fields(index(tmp_path, row))


def test_a_folder_without_index_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"index\.csv"):
        read_shape_fields(tmp_path)
