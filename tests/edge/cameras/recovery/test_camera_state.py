"""The four states of a camera and the ways between them."""

from __future__ import annotations

import pytest

from hemato_edge.cameras.recovery.state import CHANGES_KEPT, WORDS, CameraHealth, CameraState, Fault

LIVE, STALLED, RECOVERING, FAILED = CameraState


def through(*states: CameraState) -> CameraHealth:
    health = CameraHealth("test")
    for state in states:
        health.to(state, Fault.HANG, "it hung")
    return health


@pytest.mark.parametrize(
    ("states", "good"),
    [
        ((STALLED,), True),
        ((STALLED, LIVE), True),
        ((STALLED, RECOVERING, LIVE), True),
        ((STALLED, RECOVERING, FAILED, LIVE), True),
        ((RECOVERING,), False),  # every fault is seen before it is mended
        ((FAILED,), False),
        ((LIVE,), False),
        ((STALLED, FAILED), False),  # nothing fails untried
        ((STALLED, RECOVERING, STALLED), False),
        ((STALLED, RECOVERING, FAILED, RECOVERING), False),
    ],
)
def test_only_the_ways_that_there_are(states, good: bool) -> None:
    if good:
        assert through(*states).state is states[-1]
    else:
        with pytest.raises(ValueError, match="a camera does not go from"):
            through(*states)


def test_changes_are_told_counted_and_kept_in_order() -> None:
    told = []
    health = CameraHealth("test", told.append)
    health.to(STALLED, Fault.FROZEN, "same picture")
    health.withhold(Fault.FROZEN)
    before = health.tallies()
    health.withhold(Fault.FROZEN)
    assert before == {"camera:stalled": 1, "camera:frozen": 1}
    assert health.tallies() == before  # nothing to write while nothing changes
    health.to(RECOVERING, Fault.FROZEN, "again")
    health.to(LIVE, Fault.FROZEN, "back")
    assert [change.state for change in health.changes] == [STALLED, RECOVERING, LIVE]
    assert told == health.changes
    assert health.changed == 3
    assert health.tallies() == {
        "camera:stalled": 1,
        "camera:recovering": 1,
        "camera:live": 1,
        "camera:frozen": 1,
        "camera:withheld_frozen": 2,
    }
    assert health.fault is None


def test_its_memory_is_bounded() -> None:
    health = CameraHealth("test")
    for _ in range(CHANGES_KEPT):
        health.to(STALLED, Fault.BLACK, "dark")
        health.to(LIVE, Fault.BLACK, "light")
    assert len(health.changes) == CHANGES_KEPT
    assert health.tallies()["camera:black"] == CHANGES_KEPT


def test_the_status_line_says_state_reason_and_tries(caplog: pytest.LogCaptureFixture) -> None:
    health = CameraHealth("/dev/video0")
    assert health.status_line() == "live"
    health.to(STALLED, Fault.DISCONNECTED, "gone")
    health.tries = 3
    assert health.status_line() == "stalled for 0 s: its device is gone, tries 3"
    assert "camera /dev/video0: stalled (disconnected): gone" in caplog.text
    assert set(WORDS) == set(Fault)
