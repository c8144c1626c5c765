"""Tags of cells: beside their cell, in the picture, and not over each other."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from hemato_edge.views.images.tags import places_of, strip_of, tag_of

BLUE = (178, 114, 0)


def bars(boxes: list[tuple[float, ...]], size: tuple[int, int], scale: float = 0.5) -> list[np.ndarray]:
    tags = [tag_of("neutrophil 100%", BLUE, scale, size[0]) for _ in boxes]
    places = places_of(tags, np.array(boxes, np.float32), size)
    return [np.array([x, y, x + tag.width, y + tag.height]) for tag, (x, y) in zip(tags, places.tolist(), strict=True)]


def shared(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.prod(np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0)))


@pytest.mark.parametrize("step", [(30, 0), (0, 25), (25, 25), (5, 5)])
def test_tags_of_cells_that_lie_together_do_not_cover_each_other(step: tuple[int, int]) -> None:
    boxes = [(200 + i * step[0], 200 + i * step[1], 260 + i * step[0], 260 + i * step[1]) for i in range(4)]
    for one, other in combinations(bars(boxes, (800, 600)), 2):
        assert shared(one, other) == 0


def test_a_tag_alone_stands_over_its_cell_and_stays_in_the_picture() -> None:
    (alone,) = bars([(200, 200, 260, 260)], (800, 600))
    assert (alone[0], alone[3]) == (200, 200)
    for corner in ((0, 0), (740, 0), (0, 540), (740, 540)):
        box = (*corner, corner[0] + 60, corner[1] + 60)
        (tag,) = bars([box], (800, 600))
        assert (tag >= 0).all()
        assert (tag[2:] <= (800, 600)).all()
        assert shared(tag, np.array(box)) == 0


def test_a_tag_is_no_wider_than_what_it_stands_in_and_a_strip_has_rows_enough() -> None:
    assert tag_of("neutrophil 100%", BLUE, 2.0, 90).width <= 90
    tags = [tag_of("neutrophil", BLUE, 0.5, 200) for _ in range(5)]
    strip = strip_of(tags, 2 * tags[0].width + 20)
    assert strip.shape[0] >= 3 * tags[0].height
    assert int(np.all(strip == BLUE, axis=2).sum()) > 3 * tags[0].width * 5
