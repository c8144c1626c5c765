"""What a report says of the camera."""

from __future__ import annotations

import pytest

from hemato_edge.views.report.incidents import camera_line, camera_summary


@pytest.mark.parametrize(
    ("tallies", "line"),
    [
        ({"frames": 9, "dropped": 2}, ""),
        (
            {
                "camera:stalled": 1,
                "camera:frozen": 1,
                "camera:recovering": 1,
                "camera:live": 1,
                "camera:withheld_frozen": 70,
            },
            "The camera failed once (frozen 1). Frames came again.",
        ),
        (
            {"camera:stalled": 3, "camera:hang": 2, "camera:wrong_size": 1, "camera:live": 2, "camera:failed": 1},
            "The camera failed 3 times (hang 2, wrong size 1). Frames came again after 2 of these.",
        ),
        (
            {"camera:hang": 2, "camera:live": 2},
            "The camera failed twice (hang 2). Frames came again each time.",
        ),
        ({"camera:hang": 1}, "The camera failed once (hang 1). Frames did not come again."),
    ],
)
def test_faults_and_recoveries_in_words(tallies: dict[str, int], line: str) -> None:
    assert camera_line(camera_summary(tallies)) == line
