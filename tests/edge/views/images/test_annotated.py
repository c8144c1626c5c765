"""Annotated pictures: letters grow with the cells, a colour a class, a legend; no file in the place of another."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hemato_edge.cli.counting.images import pictures_of
from hemato_edge.errors import ImageError
from hemato_edge.labels import BY_NAME, CLASSIFIER_LABELS, KIND_COLOURS, KINDS
from hemato_edge.output_files import OutputError
from hemato_edge.values import Detections, Judgement
from hemato_edge.views.images.annotated import annotate_field, output_names, page_target, write_picture


def found(boxes: list[tuple[float, float, float, float]]) -> Detections:
    return Detections(np.array(boxes, np.float32), np.zeros(len(boxes), np.int64), np.ones(len(boxes), np.float32))


def judged(label: str) -> Judgement:
    return Judgement(label, label, 0.9, np.full(len(CLASSIFIER_LABELS), 1 / len(CLASSIFIER_LABELS), np.float32))


def pixels_of(picture: np.ndarray, colour: str) -> np.ndarray:
    bgr = [int(colour[i : i + 2], 16) for i in (5, 3, 1)]
    return np.argwhere(np.all(picture == bgr, axis=2))


def test_each_class_has_its_colour_and_stands_in_the_legend() -> None:
    field = np.full((480, 640, 3), 230, np.uint8)
    boxes = [(100, 200, 160, 260), (300, 200, 360, 260)]
    picture = annotate_field(field, found(boxes), {0: judged("neutrophil"), 1: judged("eosinophil")})
    for label, box in zip(("neutrophil", "eosinophil"), boxes, strict=True):
        places = pixels_of(picture, BY_NAME[label].colour)
        at_the_box = (abs(places[:, 1] - box[0]) <= 2) & (places[:, 0] > box[1]) & (places[:, 0] < box[3])
        assert at_the_box.sum() > 40
        assert (places[:, 0] >= 480).sum() > 100  # under the field, none of which the legend covers


def test_labels_grow_with_the_cells() -> None:
    """At a hundred pixels a cell the bar of the label is higher than at twenty."""

    def bar_height(side: float) -> int:
        field = np.full((1200, 1600, 3), 230, np.uint8)
        picture = annotate_field(field, found([(400, 600, 400 + side, 600 + side)]), {0: judged("lymphocyte")})
        column = np.all(picture[:598, 402] == [0x73, 0x9E, 0x00], axis=1)
        return int(column.sum())

    assert bar_height(200) > 1.8 * bar_height(50)


def test_letters_are_no_smaller_than_a_large_picture_needs() -> None:
    def legend_height(side: int) -> int:
        field = np.full((side * 3 // 4, side, 3), 230, np.uint8)
        small_cell = found([(100, 100, 140, 140)])
        return annotate_field(field, small_cell, {0: judged("lymphocyte")}).shape[0] - field.shape[0]

    assert legend_height(4000) > 2 * legend_height(1000)


def test_two_inputs_of_one_stem_make_two_files(tmp_path: Path) -> None:
    inputs = [Path("a/field.png"), Path("b/field.png"), Path("b/field.jpg"), Path("b/FIELD.tif"), Path("c/other.png")]
    names = output_names(inputs, tmp_path)
    assert names[inputs[0]] == tmp_path / "field.png"
    assert names[inputs[4]] == tmp_path / "other.png"
    assert len({str(name).lower() for name in names.values()}) == len(inputs)
    assert {name.parent for name in names.values()} == {tmp_path}


def test_a_picture_is_never_written_over_what_was_read(tmp_path: Path) -> None:
    source = tmp_path / "field.png"
    cv2.imwrite(str(source), np.zeros((60, 60, 3), np.uint8))
    before = source.read_bytes()
    target = output_names([source], tmp_path)[source]
    with pytest.raises(OutputError, match="an input of this command"):
        write_picture(target, np.full((60, 60, 3), 9, np.uint8), [source])
    assert source.read_bytes() == before


def test_a_folder_stands_for_its_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt", "deeper/c.tif"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    assert [path.name for path in pictures_of([tmp_path], recursive=False)] == ["a.JPG", "b.png"]
    assert [path.name for path in pictures_of([tmp_path, tmp_path / "b.png"], recursive=True)] == [
        *("a.JPG", "b.png", "c.tif")
    ]
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImageError, match="has no picture") as caught:
        pictures_of([empty], recursive=False)
    assert "--recursive" in caught.value.fix


def test_every_kind_has_a_word_without_a_classifier() -> None:
    field = np.full((240, 320, 3), 230, np.uint8)
    three = Detections(
        np.array([(10, 50, 40, 80), (100, 50, 130, 80), (200, 50, 230, 80)], np.float32),
        np.arange(len(KINDS)),
        np.ones(3, np.float32),
    )
    picture = annotate_field(field, three, {})
    assert picture.shape[0] > field.shape[0]
    assert picture.shape[1] == field.shape[1]
    for kind, colour in KIND_COLOURS.items():
        bgr = np.array([int(colour[i : i + 2], 16) for i in (5, 3, 1)])
        near = np.abs(picture[:240].astype(int) - bgr).max(axis=2) < 30  # thin lines are smoothed
        assert near.sum() > 80, KINDS[kind]


def test_a_page_of_a_file_has_a_picture_of_its_own(tmp_path: Path) -> None:
    inputs = [Path("a/stack.tif"), Path("b/stack.tif"), Path("stack[2].tif")]
    names = output_names(inputs, tmp_path)
    pages = [page_target(names, Path(f"{folder}/stack.tif[2]")) for folder in ("a", "b")]
    assert page_target(names, inputs[0]) == names[inputs[0]]
    assert len({*pages, *names.values()}) == 5
