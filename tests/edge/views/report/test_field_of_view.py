"""What a person reads of the field of view."""

from __future__ import annotations

import pytest

from hemato_edge.views.report.field_of_view import field_of_view_line


@pytest.mark.parametrize(
    ("tallies", "line"),
    [
        ({"frames": 3}, ""),
        (
            {"mask:slide_permille": 709, "mask:round": 1},
            "71 % of a frame is slide; left out: the round rim of an eyepiece.",
        ),
        (
            {"mask:slide_permille": 940, "mask:bars": 1, "mask:overlay": 1},
            "94 % of a frame is slide; left out: bars, what does not move with the slide.",
        ),
        (
            {"mask:slide_permille": 940, "mask:bars": 1, "mask:profile": 1},
            "94 % of a frame is slide; left out: bars. The mask is the calibration profile's.",
        ),
        (
            {"mask:profile_left": 1},
            "The frames contradict the mask of the calibration profile; it was made anew.",
        ),
        ({"mask_untold:dark": 1}, "The field of view cannot be told: hardly any light."),
    ],
)
def test_the_line(tallies: dict[str, int], line: str) -> None:
    assert field_of_view_line(tallies) == line
