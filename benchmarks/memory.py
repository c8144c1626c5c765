"""Resident memory of `hemato-edge run` while it counts for a long time: is it small, is it flat?

A process of its own runs the command on the demo slide, over which the stage creeps in steps that are so small that
one walk has the wanted number of frames; the drawn slide itself is part of that process and takes about 10 MB, which
no real camera does. Every 1,000 frames it tells its resident memory and its peak (/proc/self/status). "slope" is a
straight line through those values from the first 1,000 frames on, megabytes (10^6 bytes) per 1,000 frames: a leak shows
as a slope that does not shrink when more frames are read. Bound: 120 MB after 10,000 frames, flat.

`--imports` says first what the parts of the program take before a frame is read, each loaded after the one before.

    python benchmarks/memory.py [--frames 10000] [--every 1000] [--imports] [--json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

BOUND_MB = 120.0
_CHILD = """
import os, sys
from hemato_edge.device.machine import Machine
from hemato_edge.device.process import read_process_memory
from hemato_edge.cameras import spec
from hemato_edge.cameras.demo import DemoCamera
from hemato_edge.cli.main import main

frames, every = int(sys.argv[1]), int(sys.argv[2])

class Telling(DemoCamera):
    def read(self, timeout_s=1.0):
        frame = super().read(timeout_s)
        if (frame.index + 1) % every == 0:
            now = read_process_memory(Machine(), os.getpid())
            print(f"MEMORY {frame.index + 1} {now.resident_mb} {now.peak_mb}", file=sys.stderr, flush=True)
        return frame

def make(text, settings):
    # the usual walk has about 965 frames in steps of up to 39 pixels
    return Telling(1, max_step_px=max(1.0, 39.0 * 900 / frames), frames=frames)

spec.make_camera = make
sys.argv = ["hemato-edge", "run", "--camera", "demo", "--no-display", "--json", "--db", sys.argv[3]]
main()
"""
_PARTS = """
import importlib, os
from hemato_edge.device.machine import Machine
from hemato_edge.device.process import read_process_memory
seen = read_process_memory(Machine(), os.getpid()).resident_mb
print(f"python {seen}")
def told(name):
    global seen
    now = read_process_memory(Machine(), os.getpid()).resident_mb
    print(f"{name} {now - seen}")
    seen = now
for name in ("numpy", "cv2", "pydantic", "typer", "hemato_edge.cli.main", "hemato_edge.settings",
             "hemato_edge.pipeline.field", "hemato_edge.pipeline.daemon", "hemato_edge.store.writer",
             "ai_edge_litert.interpreter", "hemato_edge.vision.classifier", "hemato_edge.vision.locators"):
    importlib.import_module(name)
    told(name)
from hemato_edge.vision.classifier import load_classifier
from hemato_edge.vision.locators import load_locator
one = load_classifier()
told("classifier")
other = load_locator()
told("locator")
from hemato_edge.cameras.demo import DemoCamera
camera = DemoCamera(1)
camera.open()
told("demo-slide")
first = camera.read()
told("first-frame")
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.vision.quality import QualityGate
analyzer = FieldAnalyzer(QualityGate(), other, one)
analyzer.analyze(first)
told("analysing-it")
"""


def watch(frames: int, every: int) -> list[tuple[int, float, float]]:
    """Frames read, resident and peak memory in MB, every so many frames."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _CHILD, str(frames), str(every), str(Path(folder) / "x.db")]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        rows, last = [], ""
        assert child.stderr is not None
        for line in child.stderr:
            last = line.strip() or last
            if line.startswith("MEMORY "):
                _, count, resident, peak = line.split()
                rows.append((int(count), float(resident), float(peak)))
        if child.wait():
            raise SystemExit(f"the run ended with {child.returncode}: {last}")
    return rows


def parts() -> list[tuple[str, float]]:
    """Part of the program → megabytes that it adds."""
    done = subprocess.run([sys.executable, "-c", _PARTS], capture_output=True, text=True, check=True)
    return [(line.split()[0], float(line.split()[1])) for line in done.stdout.splitlines()]


def slope(rows: list[tuple[int, float, float]]) -> float | None:
    """Megabytes per 1,000 frames; None with fewer than three values."""
    if len(rows) < 3:
        return None
    counts, resident, _ = np.array(rows).T
    return float(np.polyfit(counts / 1000, resident, 1)[0])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1_000)
    parser.add_argument("--imports", action="store_true", help="what the parts of the program take, too")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    loaded = parts() if arguments.imports else []
    rows = watch(arguments.frames, arguments.every)
    rising = slope(rows)
    found: dict[str, Any] = {
        "bound_mb": BOUND_MB,
        "parts_mb": dict(loaded),
        "rows": [{"frames": n, "resident_mb": now, "peak_mb": peak} for n, now, peak in rows],
        "mb_per_1000_frames": rising,
        "holds": bool(rows) and rows[-1][1] <= BOUND_MB,
    }
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for name, mb in loaded:
        print(f"{name:32}{mb:+8.1f} MB")
    print(f"{'frames':>8}{'resident MB':>13}{'peak MB':>9}")
    for count, now, peak in rows:
        print(f"{count:8,}{now:13.1f}{peak:9.1f}")
    if rising is not None:
        print(f"{rising:+.2f} MB per 1,000 frames")
    print(f"bound of {BOUND_MB:.0f} MB: {'holds' if found['holds'] else 'DOES NOT HOLD'}")


if __name__ == "__main__":
    main()
