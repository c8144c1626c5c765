"""Naming the cells of a field, with the head that lies beside the package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.counting.red_cells.shapes import ABSENT, RELIABLE, SHAPES
from hemato_edge.errors import ModelError
from hemato_edge.labels import RBC, WBC
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.red_cells.outlines import look_at_red_cells
from hemato_edge.vision.red_cells.shapes import MOST, ShapeNamer, load_shape_namer

HEAD = Path(__file__).parents[4] / "bundles" / "red-cell-shapes.json"


def test_drawn_cells_are_named_and_at_most_so_many_of_a_field() -> None:
    namer = load_shape_namer(HEAD)
    names = []
    for seed in range(4):
        image, objects = draw_field(seed)
        boxes = np.array([one.box for one in objects], np.float32)
        kinds = np.array([RBC if one.label == "red_cell" else WBC for one in objects], np.int8)
        view = FieldView(image)
        look = look_at_red_cells(view, Detections(boxes, kinds, np.ones(len(boxes), np.float32)))
        found = namer.name(view, look, 69.0)
        assert len(found) == min(MOST, len(look.alone))
        names += found.tolist()
    assert len(names) > 10
    assert set(names) <= {-1, *range(len(SHAPES))}


def test_what_a_session_records_is_what_the_card_says() -> None:
    namer = load_shape_namer(HEAD)
    section = namer.session_section()
    assert section[RELIABLE] == {k: one.healthy for k, one in namer.head.card.shapes.items() if one.reliable}
    assert section[ABSENT] == list(namer.head.card.absent)


def test_a_head_for_other_numbers_is_refused() -> None:
    head = load_shape_namer(HEAD).head
    other = replace(head, card=head.card.model_copy(update={"features": ("size", "colour")}))
    with pytest.raises(ModelError, match="other numbers"):
        ShapeNamer(other)
