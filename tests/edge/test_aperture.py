"""The part of a frame that is slide: what is cut by a rim, what lies on slide, and what is painted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from obstructed import disc

from hemato_edge.aperture import Aperture
from hemato_edge.rim_light import RimLight

ROUND = Aperture((200, 200), (0, 0, 200, 200), ~disc((200, 200), (0.5, 0.5), 0.4))
GLASS = np.array([200.0, 210.0, 220.0])


def test_all_of_a_frame_is_slide_where_nothing_is_hidden() -> None:
    whole = Aperture.whole(640, 480)
    frame = np.zeros((480, 640, 3), np.uint8)
    assert whole.is_whole
    assert whole.share == 1
    assert whole.window(frame) is frame
    assert whole.painted(frame, GLASS) is frame
    assert whole.slide_at((64, 48)) is None


def test_a_rectangle_is_cut_out_and_not_copied() -> None:
    aperture = Aperture((640, 480), (20, 0, 620, 480))
    frame = np.zeros((480, 640, 3), np.uint8)
    assert aperture.window(frame).shape == (480, 600, 3)
    assert aperture.window(frame).base is frame
    assert aperture.origin == (20, 0)
    assert aperture.share == pytest.approx(600 / 640)


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Aperture((64, 48), (0, 0, 64, 48), np.zeros((10, 10), np.bool_))
    with pytest.raises(ValueError, match="no part"):
        Aperture((64, 48), (10, 0, 80, 48))


@pytest.mark.parametrize(
    ("box", "cut", "covered"),
    [
        ((80, 80, 120, 120), False, True),  # in the middle
        ((85, 23, 115, 53), False, True),  # its corners lie behind the rim, the cell does not
        ((85, 15, 115, 45), True, True),  # cut by the rim, most of it on slide
        ((85, 0, 115, 30), True, False),  # its middle behind the rim
        ((0, 0, 20, 20), True, False),  # in the dark
    ],
)
def test_the_rim_cuts_as_the_border_does(box: tuple[float, ...], cut: bool, covered: bool) -> None:
    boxes = np.array([box], np.float32)
    assert ROUND.cuts(boxes).tolist() == [cut]
    assert ROUND.covers(boxes).tolist() == [covered]


def test_places_near_the_rim_have_no_room_for_a_cell() -> None:
    places = np.array([(100.0, 100.0), (100.0, 30.0), (100.0, 50.0), (5.0, 5.0)])
    assert ROUND.holds(places, np.full(4, 20.0)).tolist() == [True, False, True, False]


def test_what_is_hidden_is_painted_and_the_rest_stays() -> None:
    frame = np.random.default_rng(1).integers(0, 255, (200, 200, 3)).astype(np.uint8)
    painted = ROUND.painted(frame, GLASS)
    hidden = ROUND.hidden
    assert hidden is not None
    assert np.array_equal(painted[~hidden], frame[~hidden])
    assert np.all(painted[hidden] == GLASS)
    assert frame[0, 0].tolist() != GLASS.tolist(), "the camera's own frame is left as it is"


def test_a_narrow_overlay_is_bridged_by_the_slide_beside_it() -> None:
    frame = np.zeros((60, 60, 3), np.uint8)
    frame[:, :30], frame[:, 30:] = (10, 20, 30), (110, 120, 130)
    lines = np.zeros((60, 60), np.bool_)
    lines[20:23] = True
    frame[lines] = 255
    aperture = Aperture((60, 60), (0, 0, 60, 60), None, lines)
    painted = aperture.painted(frame, GLASS)
    assert painted[21, 5].tolist() == [10, 20, 30]
    assert painted[21, 55].tolist() == [110, 120, 130]
    assert not aperture.cuts(np.array([(10, 10, 40, 40)], np.float32)).any(), "a cell under a line is whole"


def test_slivers_are_what_is_left_of_less_than_half() -> None:
    boxes = np.array([(85, 20, 115, 30), (85, 20, 115, 50), (85, 90, 115, 100)], np.float32)
    assert ROUND.slivers(boxes, np.full(3, 15.0)).tolist() == [True, False, False]


def test_half_a_cell_is_kept_whatever_the_direction_of_its_rim() -> None:
    """The lower right half of a cell on a slanting rim fills a box nearly as large as that of a whole one."""
    rows, columns = np.mgrid[:200, :200]
    slanting = Aperture((200, 200), (0, 0, 200, 200), rows + columns < 200)
    less, half = (90, 90, 111, 111), (89, 89, 115, 115)  # of a cell of 30 px with its middle at 96 and 100
    assert slanting.slivers(np.array([half, less], np.float32), np.full(2, 13.5)).tolist() == [False, True]
    soft = replace(slanting, retreat_px=6.0)
    assert soft.slivers(np.array([half, less], np.float32), np.full(2, 13.5)).tolist() == [False, False]


def test_pixels_of_a_smaller_picture_show_slide_alone() -> None:
    small = ROUND.slide_at((50, 50))
    assert small is not None
    assert small[25, 25]
    assert not small[25, 5]  # the rim runs through it
    assert ROUND.slide_at((50, 50)) is small


def test_light_is_brought_back_at_a_rim_but_not_where_it_runs_into_a_bar() -> None:
    """Between the bars of a letterbox no ray shows how the light fades there."""
    rows, columns = np.mgrid[:100, :200]
    far = np.hypot(columns - 100, rows - 50)
    fading = tuple((share, share, share) for share in np.linspace(1.0, 0.2, 21).tolist())
    rim = RimLight((100.0, 50.0), 50.0, fading, (0.0, 0.0, 0.0), bounds=(0.0, 0.0, 200.0, 100.0))
    letterbox = Aperture((200, 300), (0, 100, 200, 200), far > 70, rim=rim)
    frame = np.full((100, 200, 3), 100, np.uint8)
    painted = letterbox.painted(frame, np.full(3, 200.0))
    assert painted[50, 165].min() > 190  # 65 pixels from the middle, at the side of the field
    assert painted[2, 142].tolist() == [100, 100, 100]  # 64 pixels from it, beside the upper bar
    assert painted[50, 100].tolist() == [100, 100, 100]
