"""A white cell that was counted in two regions counts once as soon as these are known to be one; on real parts."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import DrawnSlide
from hemato_edge.cameras.demo.stage import Walk
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running.daemon import Daemon, Limits
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import SessionStart
from hemato_edge.store.recovery.check import check
from hemato_edge.store.writer import open_writer
from hemato_edge.views.report.build import build_report
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate

if TYPE_CHECKING:
    from pathlib import Path

CELL = (930.0, 800.0)
"""A white cell of slide 1: at the right border of the first stretch, and at the left of the second one."""


def there_and_back_from_beyond() -> Walk:
    """To the right until the cell is in view, a jump over it, to the left until it is in view again, and on."""
    x, y = CELL
    first, second, down = x - 570, x - 70, y - 240
    way = [*np.linspace(first - 240, first, 5), first, first, *np.linspace(second + 480, second, 9)]
    way += [second, second, second, *(second - 40.0 * np.arange(1, 8))]
    return Walk(np.array([(place, down) for place in way]))


def test_the_record_keeps_both_and_counts_one(tmp_path: Path) -> None:
    path = tmp_path / "counts.db"
    camera = GuardedCamera(DemoCamera(5, slide=DrawnSlide(1), walk=there_and_back_from_beyond()))
    analyzer = FieldAnalyzer(QualityGate(), load_locator(), load_classifier())
    with open_writer(path) as writer:
        start = SessionStart("demo", "", None, "m", "0" * 64, {}, {}, datetime.now(timezone.utc), time.monotonic())
        daemon = Daemon(camera, analyzer, writer, lambda: writer.start_session(start), Limits())
        totals = daemon.run().totals
    with Reader(path) as reader:
        cells = list(reader.cells(1))
        report = build_report(reader)
    joined = [cell for cell in cells if cell.joined is not None]
    assert joined
    assert totals.joined == len(joined) == report.tracking.wbc_twice
    assert sum(totals.labels.values()) == len(cells) - len(joined)
    assert report.tracking.lost == report.tracking.rejoined == 1
    assert check(path).good
