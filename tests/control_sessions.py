"""Sessions of control slides and of ordinary ones, as a run records them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from recorded import NOON, field_result, session_start

from hemato_edge.store.writer import open_writer
from hemato_edge.values import Quality

SHARES = {"neutrophil": 60, "lymphocyte": 30, "monocyte": 7, "eosinophil": 3}
"""Cells of 100."""
NORMAL = tuple(name for name, count in SHARES.items() for _ in range(count))


def record_control(path: Path, sizes_px: Sequence[float], lot: str = "QC-7", **changes: object) -> None:
    """One session a size, with 100 cells each, a day apart; the red cells of the ordinary slides drift by nothing."""
    settings = {"camera": {"spec": "demo"}, "quality.min_focus": 0.12, "quality.min_brightness": 0.2}
    if lot:
        settings["control"] = {"lot": lot}
    _record(path, [(size, 1.0, 231.0, 0.5, NORMAL) for size in sizes_px], settings, changes)


def record_ordinary(path: Path, lamps: Sequence[float]) -> None:
    """One session a lamp level, with a focus that varies and does not drift."""
    settings = {"camera": {"spec": "demo"}, "quality.min_focus": 0.12, "quality.min_brightness": 0.2}
    chance = Random(3)
    _record(path, [(41.0, 1.0, lamp, chance.gauss(0.5, 0.01), NORMAL[::10]) for lamp in lamps], settings, {})


def _record(path: Path, looks: Sequence[tuple[float, float, float, float, Sequence[str]]], settings: dict[str, object],
            changes: dict[str, object]) -> None:  # fmt: skip
    with open_writer(path) as writer:
        for day, (size_px, nuclei, lamp, focus, labels) in enumerate(looks):
            start = session_start(settings=settings, utc=NOON + timedelta(days=day), **changes)
            session = writer.start_session(start)
            result = replace(field_result(0, labels), quality=Quality(None, {"focus": focus}))
            writer.commit_field(session, result, {"frames": 1})
            stain = {"background": [220.0, lamp, 240.0], "nucleus_od": [0.5, nuclei, 0.7], "looks": 4, "red_od": None}
            writer.record_optics(session, size_px, stain)
            writer.end_session(session, "finished", NOON + timedelta(days=day, minutes=5))


STEADY_PX = tuple(41.0 + 0.1 * ((7 * i) % 5 - 2) for i in range(20))
"""A baseline: mean 41, standard deviation 0.145."""
