"""Sessions that run while summer time begins or ends: their length, order, age and counts do not change with it."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recorded import field_result, session_start, with_portraits

from hemato_edge.store.reader import Reader
from hemato_edge.store.recovery.check import check
from hemato_edge.store.write import allowance
from hemato_edge.store.write.pruning import Pruned
from hemato_edge.store.write.retention import Retention
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.views.report.words import times_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hemato_edge.views.report.model import Report

ZONES = Path("/usr/share/zoneinfo")
CHANGES = {
    ("Europe/Berlin", "2026-03-29 01:00"): "2026-03-29 01:50:00 CET to 2026-03-29 03:10:00 CEST",
    ("Europe/Berlin", "2026-10-25 01:00"): "2026-10-25 02:50:00 CEST to 2026-10-25 02:10:00 CET",
    ("Europe/London", "2026-03-29 01:00"): "2026-03-29 00:50:00 GMT to 2026-03-29 02:10:00 BST",
    ("Europe/London", "2026-10-25 01:00"): "2026-10-25 01:50:00 BST to 2026-10-25 01:10:00 GMT",
    ("America/New_York", "2026-11-01 06:00"): "2026-11-01 01:50:00 EDT to 2026-11-01 01:10:00 EST",
    ("Australia/Lord_Howe", "2026-04-04 15:00"): "2026-04-05 01:50:00 +11 to 2026-04-05 01:40:00 +1030",
}
"""Zone and moment (UTC) of a change, and what is told of a session from ten minutes before it to ten after."""


@pytest.fixture
def zone() -> Iterator[Callable[[str], None]]:
    before = os.environ.get("TZ")

    def use(name: str) -> None:
        if not (ZONES / name).exists():
            pytest.skip(f"this system does not know {name}")
        os.environ["TZ"] = name
        time.tzset()

    yield use
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()


def over(change: datetime, path: Path, minutes: int = 10) -> int:
    """A session from so many minutes before a change to as many after, with a field a minute."""
    start = change - timedelta(minutes=minutes)
    with open_writer(path) as writer:
        session = writer.start_session(session_start(utc=start, monotonic_s=100.0))
        for minute in range(2 * minutes):
            result = with_portraits(field_result(minute, ["monocyte"]))
            at = start + timedelta(minutes=minute)
            writer.commit_field(session, replace(result, utc=at, monotonic_s=100.0 + 60 * minute), {})
        writer.end_session(session, "finished", change + timedelta(minutes=minutes))
    return session


def report_of(path: Path, session: int) -> Report:
    with Reader(path) as reader:
        return build_report(reader, session)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(("place", "told"), CHANGES.items(), ids=str)
def test_each_end_is_told_in_the_time_that_held_then(
    tmp_path: Path, zone: Callable[[str], None], place: tuple[str, str], told: str
) -> None:
    zone(place[0])
    path = tmp_path / "records.db"
    report = report_of(path, over(moment(place[1]), path))
    assert times_line(report).endswith(f"UTC ({told})")
    assert report.clock_set is None  # nobody set it
    assert report.counts["wbc"] == 20
    begun, ended = report.period
    assert begun is not None
    assert ended is not None
    assert ended - begun == timedelta(minutes=20)


def test_order_and_age_do_not_jump_by_an_hour(
    tmp_path: Path, zone: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    zone("Europe/Berlin")
    path, autumn = tmp_path / "records.db", moment("2026-10-25 01:00")
    for shift in (-2, -1, 0, 1, 2):
        over(autumn + timedelta(hours=shift), path)
    with Reader(path) as reader:
        started = [session.started_utc for session in reader.sessions()]
        assert started == sorted(started)
        assert all(later - earlier == timedelta(hours=1) for earlier, later in itertools.pairwise(started))
    clock = iter(range(0, 10**9, 10 * 86_400))
    monkeypatch.setattr(allowance, "since_boot_s", lambda: float(next(clock)))
    monkeypatch.setattr(allowance, "SHARE_A_DAY", 1.0)
    age = datetime.now(timezone.utc) - autumn + timedelta(seconds=50)  # what is older than the change goes, and no more
    with open_writer(path) as writer:
        assert writer.prune_by(Retention(max_age_days=age / timedelta(days=1))) == Pruned(50)
    assert check(path).good
