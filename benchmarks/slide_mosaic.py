"""Geometry of the mosaic: where the cells of the drawn slide lie in it, against their true places.

The demo's stage walks over the drawn slide in a raster, with vibration, focus drift, shading and noise. Each counted
cell is matched with the true one that lies where one translation of the whole mosaic puts it. "neighbours" is the error
of the distance vector between cells that are at most three red cells apart, what a person sees as a break; "drift" is
the error of the places themselves, all in red-cell diameters. Also: pictures kept, their megabytes, and the time that
a frame took more with the collector than without, as a ratio of the processor time of two runs.

    python benchmarks/slide_mosaic.py [--frames 700] [--seeds 1 2 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hemato_edge.bench.frames import new_analyzer
from hemato_edge.bench.watch import load_models
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.mosaic.collector import MosaicCollector
from hemato_edge.settings import Settings

NEAR_RED_CELLS = 3.0


def walk(models: object, seed: int, frames: int, collector: MosaicCollector | None) -> tuple[float, float]:
    """Count a walk; processor time of the analysis, seconds, and the red cell's diameter, pixels."""
    analyzer = new_analyzer(models, Settings())  # type: ignore[arg-type]
    analyzer.follower = collector
    camera, spent = DemoCamera(seed, frames=frames), 0.0
    camera.open()
    for _ in range(frames):
        frame = camera.read()
        began = time.process_time()
        analyzer.analyze(frame)
        spent += time.process_time() - began
    analyzer.close()
    return spent, analyzer.looks.red_cell_px or 1.0


def errors(collector: MosaicCollector, seed: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Cells matched, errors of neighbouring distances (n, 2) and of places (m, 2), pixels."""
    largest = max({one.region for one in collector.frames}, key=[one.region for one in collector.frames].count)
    found = np.array([(one.x, one.y) for one in collector.cells if one.region == largest])
    truth = np.array([(one.x_px, one.y_px) for one in DemoCamera(seed).slide.truth])
    shifts = (truth[:, None] - found[None]).reshape(-1, 2)
    votes, x, y = np.histogram2d(*shifts.T, bins=[np.arange(-4500, 4501, 20)] * 2)
    i, j = np.unravel_index(votes.argmax(), votes.shape)
    at = np.median(shifts[np.hypot(*(shifts - (x[i] + 10, y[j] + 10)).T) < 30], axis=0)
    apart = truth[None] - (found + at)[:, None]
    nearest = np.hypot(*apart.transpose(2, 0, 1)).argmin(axis=1)
    off = apart[np.arange(len(found)), nearest]
    matched = np.hypot(*off.T) < 35
    off, place = off[matched], found[matched]
    first, second = np.triu_indices(len(place), 1)
    near = np.hypot(*(place[first] - place[second]).T) < NEAR_RED_CELLS * 70
    return int(matched.sum()), off[first[near]] - off[second[near]], off - np.median(off, axis=0)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=700)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    arguments = parser.parse_args()
    models = load_models(Settings(), 1)
    say = sys.stdout.write
    say("| seed | pictures (MB) | cells matched | neighbours p50, p95, max | drift p50, p95, max | time |\n")
    say("|--:|---|--:|---|---|--:|\n")
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as folder:
            plain, _ = walk(models, seed, arguments.frames, None)
            collector = MosaicCollector(Path(folder))
            spent, red = walk(models, seed, arguments.frames, collector)
            size = sum(one.path.stat().st_size for one in collector.frames) / 1e6
            matched, near, places = errors(collector, seed)
        figures = [
            ", ".join(f"{np.percentile(np.hypot(*one.T) / red, share):.3f}" for share in (50, 95, 100))
            for one in (near, places)
        ]
        say(f"| {seed} | {len(collector.frames)} ({size:.1f}) | {matched} of {len(collector.cells)} ")
        say(f"| {figures[0]} | {figures[1]} | {spent / plain:.3f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
