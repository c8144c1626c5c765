"""Key fields: the right one is ranked first among twenty; a good agreement is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.counting.mapping import keyfields
from hemato_edge.counting.mapping.correlation import agreement_at, agreement_of, correlation_surface, view_of
from hemato_edge.counting.mapping.keyfields import KeyFields
from hemato_edge.vision.field_view import FieldView

SHIFT = 96, 64
WIDTH, HEIGHT = 640 - SHIFT[0], 480 - SHIFT[1]


@pytest.fixture(scope="module")
def fields() -> list[np.ndarray]:
    return [draw_field(seed)[0] for seed in range(20)]


def test_the_field_that_shows_the_place_comes_first(fields: list[np.ndarray]) -> None:
    keys = KeyFields()
    for number, field in enumerate(fields):
        keys.add(view_of(FieldView(field[:HEIGHT, :WIDTH])), number, 0.0, 0.0)
    first = [
        keys.search(view_of(FieldView(field[SHIFT[1] :, SHIFT[0] :])), keys.others(-1))[0].region
        for field in fields[::4]
    ]
    assert first == [0, 4, 8, 12, 16]


def test_among_many_it_is_found_by_correlating_a_few(fields: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfields, "LIKELY", 2)
    correlated = []

    def surface(*arguments: Any) -> np.ndarray:
        correlated.append(1)
        return correlation_surface(*arguments)

    monkeypatch.setattr(keyfields, "correlation_surface", surface)
    keys = KeyFields(18)  # the first two are forgotten
    for number, field in enumerate(fields):
        keys.add(view_of(FieldView(field[:HEIGHT, :WIDTH])), number, 0.0, 0.0)
    for number in (4, 11, 19):
        found = keys.search(view_of(FieldView(fields[number][SHIFT[1] :, SHIFT[0] :])), keys.others(-1))
        assert found[0].region == number
    assert len(correlated) == 3 * 2


def test_what_shows_another_place_is_hardly_ever_compared_in_full(fields: list[np.ndarray]) -> None:
    keys = KeyFields()
    for number, field in enumerate(fields[:10]):
        keys.add(view_of(FieldView(field)), number, 0.0, 0.0)
    unknown = [len(keys.search(view_of(FieldView(field)), keys.others(-1))) for field in fields[10:]]
    assert sum(unknown) < 2 * len(unknown)  # of six candidates each
    narrow = KeyFields()
    narrow.add(view_of(FieldView(fields[0][:, :250])), 0, 0.0, 0.0)  # no quarter of it is 80 pixels wide
    assert len(narrow.search(view_of(FieldView(fields[0][:, 20:270])), narrow.others(-1))) == 1


def test_a_good_agreement_is_exact_and_a_poor_one_is_poor(fields: list[np.ndarray]) -> None:
    reference, moved = (view_of(FieldView(fields[0][y : y + HEIGHT, x : x + WIDTH])) for x, y in ((0, 0), SHIFT))
    x, y = (round(step / reference.scale) for step in SHIFT)
    agreement, overlap = agreement_at(reference, moved, x, y)
    assert agreement == agreement_of(reference.grey[y:, x:], moved.grey[:-y, :-x]) > 0.8
    assert overlap == pytest.approx((1 - SHIFT[0] / WIDTH) * (1 - SHIFT[1] / HEIGHT), abs=0.02)
    assert agreement_at(reference, moved, -x, -y)[0] < 0.35
