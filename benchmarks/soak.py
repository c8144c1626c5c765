"""Long-run test: the real daemon at full speed with a camera that has every kind of fault.

The camera (`faulty_camera`) walks over one drawn slide after the other and freezes, trembles, loops, goes black,
changes its size, hangs, crashes and reappears under another path in turn. Reported are the slope of the memory, open
files, threads, processes, dropped frames, the volume written, and each recovery; it exits with 1 if something grew that
must not, or a frame was recorded twice.

    python benchmarks/soak.py --minutes 60 [--fps 20] [--good 400] [--folder DIR] [--json] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import faulty_camera
import numpy as np
from rich.console import Console
from rich.table import Table

from hemato_edge.cameras.isolated.child import CameraRecipe
from hemato_edge.cameras.isolated.parent import ReaderProcess
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.cameras.recovery.state import CameraState
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running.daemon import Daemon, Limits
from hemato_edge.settings import load_settings
from hemato_edge.store.records import FINISHED, SessionStart
from hemato_edge.store.writer import open_writer
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate

if TYPE_CHECKING:
    from hemato_edge.cameras.recovery.state import Change
    from hemato_edge.store.records import Totals
    from hemato_edge.store.writer import Writer

FAULTS: tuple[dict[str, Any], ...] = (
    {"do": "freeze"},
    {"do": "hang"},
    {"do": "leave"},
    {"do": "small"},
    {"do": "raise"},
    {"do": "loop"},
    {"do": "die"},
    {"do": "black"},
    {"do": "tremble"},
)
SAMPLE_S = 5.0
UNPLUGGED_S = 3.0
WARM_SHARE = 1 / 3
"""Share of the samples excluded from the slope: models, caches and the map of the slide fill first."""
GROWTH = {"open files": 6, "threads": 2, "processes": 1}
"""Allowed increase over the first sample: the reader's socket, memory and pipes."""


class Gauge:
    """Monitors this process, its child and the daemon from `Daemon.run`'s own loop, without a thread."""

    def __init__(self, folder: Path, daemon: Daemon, reader: ReaderProcess, changes: list[Change]) -> None:
        self.samples: list[dict[str, float]] = []
        self._folder, self._daemon, self._reader, self._changes = folder, daemon, reader, changes
        self._started = self._next = time.monotonic()
        self._gone_since = 0.0
        self._plugs = 0

    def look(self, totals: Totals) -> None:
        """Take a sample when due, and plug the camera in again after a while."""
        now = time.monotonic()
        if (self._folder / faulty_camera.LINK).is_symlink():
            self._gone_since = now
        elif now - self._gone_since > UNPLUGGED_S:
            self._plugs += 1
            faulty_camera.plug_in(self._folder, f"video{self._plugs % 4}")
        if now >= self._next:
            self._next += SAMPLE_S
            self.samples.append(self._sample(now, totals))
            if len(self.samples) % 12 == 0:
                print(self._line(), file=sys.stderr, flush=True)

    def _sample(self, now: float, totals: Totals) -> dict[str, float]:
        own, child = _memory("self"), _memory(str(self._reader.pid)) if self._reader.pid else {}
        return {
            "minute": (now - self._started) / 60,
            "rss_mb": own.get("Rss", 0.0),
            "anonymous_mb": own.get("Anonymous", 0.0),
            "reader_rss_mb": child.get("Rss", 0.0),
            "reader_pss_mb": child.get("Pss", 0.0),
            "reader_private_mb": child.get("Private", 0.0),
            "open files": len(list(Path("/proc/self/fd").iterdir())),
            "threads": len(list(Path("/proc/self/task").iterdir())),
            "processes": len(_children()),
            "frames": totals.frames,
            "dropped": totals.dropped,
            "fields": totals.fields,
            "written_mb": _written_mb(),
        }

    def _line(self) -> str:
        last = self.samples[-1]
        state = self._daemon.camera_health.status_line()
        return (
            f"{last['minute']:.0f} min  RSS {last['rss_mb']:.0f} MB  files {last['open files']:.0f}  threads "
            f"{last['threads']:.0f}  frames {last['frames']:.0f}  changes {len(self._changes)}  camera {state}"
        )


def _memory(pid: str) -> dict[str, float]:
    """Megabytes (10^6 bytes) by kind from the kernel's own sum; empty for a process that has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return {}
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines}
    return found | {"Private": found["Private_Clean"] + found["Private_Dirty"]}


def _children() -> list[str]:
    return [child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()]


def _written_mb() -> float:
    """Megabytes that this process has caused to be written to disk so far."""
    lines = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(lines["write_bytes"]) / 1e6


def soak(folder: Path, minutes: float, fps: float, good_frames: int) -> dict[str, Any]:
    """Run, and return the report."""
    good = {"do": "good", "frames": good_frames}
    steps = [step for fault in FAULTS for step in (good, fault)]
    script = {"seed": 1, "fps": fps, "device": "video0", "repeat": True, "steps": steps}
    spec = faulty_camera.write_script(folder / "camera", script)
    settings = load_settings()
    limits = settings.camera
    recipe = CameraRecipe(
        spec, None, None, None, limits.open_timeout_s, limits.read_timeout_s, maker=faulty_camera.MAKER
    )
    reader = ReaderProcess(recipe, links=folder / "camera" / faulty_camera.LINKS)
    changes: list[Change] = []
    guard = GuardedCamera(reader, reader.interrupt, tell=changes.append, read_timeout_s=limits.read_timeout_s)
    locator, classifier = load_locator("auto"), load_classifier()
    with open_writer(folder / "soak.db") as writer:
        analyzer = FieldAnalyzer(QualityGate(**settings.quality.model_dump()), locator, classifier)
        daemon = Daemon(
            guard,
            analyzer,
            writer,
            lambda: _begin(writer),
            Limits(duration_s=60 * minutes),
        )
        gauge = Gauge(folder / "camera", daemon, reader, changes)
        outcome = daemon.run(gauge.look)
        writer.end_session(outcome.totals.session, FINISHED, datetime.now(timezone.utc))
    return _report(gauge.samples, changes, outcome.totals, daemon.tallies, folder)


def _begin(writer: Writer) -> int:
    now = datetime.now(timezone.utc)
    return writer.start_session(SessionStart("soak", "", None, "", "0" * 64, {}, {}, now, time.monotonic()))


def _report(
    samples: list[dict[str, float]], changes: list[Change], totals: Totals, tallies: dict[str, int], folder: Path
) -> dict[str, Any]:
    first, last = samples[0], samples[-1]
    hours = (last["minute"] - first["minute"]) / 60
    grown = {name: max(sample[name] for sample in samples) - first[name] for name in GROWTH}
    twice = _recorded_twice(folder / "soak.db")
    readers = [sample for sample in samples if sample["reader_rss_mb"]]
    return {
        "minutes": last["minute"],
        "frames": totals.frames,
        "fields": totals.fields,
        "white_cells": totals.wbc,
        "red_cells": totals.rbc,
        "dropped": totals.dropped,
        "rejected": totals.rejected,
        "rss_mb": {"first": first["rss_mb"], "last": last["rss_mb"], "most": max(s["rss_mb"] for s in samples)},
        "rss_slope_mb_per_hour": _slope(samples, "rss_mb"),
        "anonymous_slope_mb_per_hour": _slope(samples, "anonymous_mb"),
        "reader_mb": {
            kind: float(np.median([s[f"reader_{kind}_mb"] for s in readers])) for kind in ("rss", "pss", "private")
        },
        "most": {name: max(sample[name] for sample in samples) for name in GROWTH},
        "grown": grown,
        "written_mb": last["written_mb"] - first["written_mb"],
        "written_mb_per_hour": (last["written_mb"] - first["written_mb"]) / hours,
        "database_mb": sum(path.stat().st_size for path in folder.glob("soak.db*")) / 1e6,
        "recorded_twice": twice,
        "recoveries": _recoveries(changes),
        "camera_tallies": {name: count for name, count in tallies.items() if name.startswith("camera:")},
        "good": not twice and all(grown[name] <= most for name, most in GROWTH.items()),
        "samples": samples,
    }


def _slope(samples: list[dict[str, float]], name: str) -> list[float]:
    """Megabytes per hour and the standard error, over the samples after the start."""
    chosen = samples[int(len(samples) * WARM_SHARE) :]
    hours = np.array([sample["minute"] for sample in chosen]) / 60
    (slope, _), covariance = np.polyfit(hours, [sample[name] for sample in chosen], 1, cov=True)
    return [float(slope), float(np.sqrt(covariance[0, 0]))]


def _recorded_twice(database: Path) -> int:
    """Number of recorded fields from a frame that another field is from, too, except the session's last one."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT frame_index FROM fields ORDER BY number").fetchall()
    indices = [row[0] for row in rows][:-1]
    return len(indices) - len(set(indices))


def _recoveries(changes: list[Change]) -> dict[str, dict[str, float]]:
    """By fault: how often, how often frames resumed, and the longest time until then, seconds."""
    faults: Counter[str] = Counter()
    back: Counter[str] = Counter()
    longest: dict[str, float] = {}
    began, fault = 0.0, ""
    for change in changes:
        if change.state is CameraState.STALLED and change.fault is not None:
            began, fault = change.monotonic_s, change.fault.value
            faults[fault] += 1
        elif change.state is CameraState.LIVE:
            back[fault] += 1
            longest[fault] = max(longest.get(fault, 0.0), change.monotonic_s - began)
    return {
        name: {"times": count, "recovered": back[name], "longest_s": longest.get(name, 0.0)}
        for name, count in faults.items()
    }


def table(report: dict[str, Any]) -> Table:
    """The report as a table."""
    shown = Table(title=f"{report['minutes']:.1f} minutes", title_justify="left", show_header=False)
    slope, error = report["rss_slope_mb_per_hour"]
    anonymous, anonymous_error = report["anonymous_slope_mb_per_hour"]
    rss, reader = report["rss_mb"], report["reader_mb"]
    rows = {
        "frames read / dropped": f"{report['frames']} / {report['dropped']}",
        "fields, white cells, red cells": f"{report['fields']}, {report['white_cells']}, {report['red_cells']}",
        "RSS first, last, most": f"{rss['first']:.0f}, {rss['last']:.0f}, {rss['most']:.0f} MB",
        "slope of RSS after the first third": f"{slope:+.1f} ± {error:.1f} MB/h",
        "slope of anonymous memory": f"{anonymous:+.1f} ± {anonymous_error:.1f} MB/h",
        "reader process RSS, PSS, private": f"{reader['rss']:.0f}, {reader['pss']:.0f}, {reader['private']:.0f} MB",
        **{f"{name}: most (grown)": f"{report['most'][name]:.0f} ({report['grown'][name]:+.0f})" for name in GROWTH},
        "written to the disk": f"{report['written_mb']:.1f} MB, {report['written_mb_per_hour']:.0f} MB/h",
        "database": f"{report['database_mb']:.1f} MB",
        "fields recorded twice": str(report["recorded_twice"]),
    }
    for name, value in rows.items():
        shown.add_row(name, value)
    for fault, counts in report["recoveries"].items():
        shown.add_row(
            fault,
            f"{counts['times']:.0f} ×, {counts['recovered']:.0f} recovered, at most {counts['longest_s']:.1f} s later",
        )
    return shown


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--fps", type=float, default=20, help="frames a second of the camera")
    parser.add_argument("--good", type=int, default=400, help="good frames between two faults")
    parser.add_argument("--folder", type=Path, help="where the database is kept; a temporary one unless told")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of the table")
    parser.add_argument("--out", type=Path, help="write the JSON document to this file as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        report = soak(folder.resolve(), arguments.minutes, arguments.fps, arguments.good)
    if arguments.out:
        arguments.out.write_text(json.dumps(report, indent=1) + "\n")
    if arguments.json:
        print(json.dumps(report))
    else:
        Console().print(table(report))
    sys.exit(0 if report["good"] else 1)


if __name__ == "__main__":
    main()
