"""Geometry of the mosaic: where the frames of a walk over the drawn slide lie in it, against their true places.

The demo's stage walks over the drawn slide in a raster, with vibration, focus drift, shading and noise. "neighbours" is
the error of the distance vector between kept frames that overlap, what a person sees as a break; "drift" is the error
of the places themselves after one translation of the whole mosaic; in red-cell diameters. "cells" is how far the
centres of the counted cells lie from the nearest true one, which contains the locator's own error. Also: pictures kept
and their megabytes, and the processor time of the analysis with the collector over that without.

    python benchmarks/slide_mosaic.py [--frames 700] [--seeds 1 2 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.bench.measures.frames import new_analyzer
from hemato_edge.bench.measures.watch import load_models
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.mosaic.collector import MosaicCollector
from hemato_edge.settings import Settings

if TYPE_CHECKING:
    from hemato_edge.bench.measures.watch import TimedModels

FRAME = np.array((640.0, 480.0))


def walk(models: TimedModels, seed: int, frames: int, collector: MosaicCollector | None) -> tuple[float, float, Any]:
    """Count a walk; processor time of the analysis, seconds, the red cell's diameter, pixels, and the errors."""
    analyzer = new_analyzer(models, Settings())
    analyzer.follower = collector
    camera, spent = DemoCamera(seed, frames=frames), 0.0
    camera.open()
    taken: dict[Path, int] = {}
    last = None
    for _ in range(frames):
        frame = camera.read()
        began = time.process_time()
        analyzer.analyze(frame)
        spent += time.process_time() - began
        if collector is not None and collector.frames and collector.frames[-1] is not last:
            last = collector.frames[-1]
            taken[last.path] = frame.index
    analyzer.close()
    red = analyzer.looks.red_cell_px or 1.0
    return spent, red, None if collector is None else errors(collector, camera, taken, red)


def errors(collector: MosaicCollector, camera: DemoCamera, taken: dict[Path, int], red: float) -> list[Any]:
    """Errors of neighbouring frames, of places, and of cells, in red-cell diameters."""
    regions = [one.region for one in collector.frames]
    largest = max(set(regions), key=regions.count)
    kept = [one for one in collector.frames if one.region == largest]
    found = np.array([(one.x, one.y) for one in kept])
    true = np.array([camera.true_pose(taken[one.path]) for one in kept])
    off = found - true
    first, second = np.triu_indices(len(kept), 1)
    near = (np.abs(true[first] - true[second]) < 0.8 * FRAME).all(axis=1)
    shift = np.median(off, axis=0)
    cells = np.array([(one.x, one.y) for one in collector.cells if one.region == largest]) - shift
    truth = np.array([(one.x_px, one.y_px) for one in camera.slide.truth])
    apart = np.hypot(*(truth[None] - cells[:, None]).transpose(2, 0, 1)).min(axis=1)
    return [np.hypot(*(off[first] - off[second])[near].T) / red, np.hypot(*(off - shift).T) / red, apart / red]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=700)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    arguments = parser.parse_args()
    models = load_models(Settings(), 1)
    say = sys.stdout.write
    say("| seed | pictures (MB) | neighbours p50, p95, max | drift p50, p95, max | cells p50, p95 | time |\n")
    say("|--:|---|---|---|---|--:|\n")
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as folder:
            plain, _, _ = walk(models, seed, arguments.frames, None)
            collector = MosaicCollector(Path(folder))
            spent, _, found = walk(models, seed, arguments.frames, collector)
            size = sum(one.path.stat().st_size for one in collector.frames) / 1e6
        near, drift, cells = (
            ", ".join(f"{np.percentile(one, share):.3f}" for share in shares)
            for one, shares in zip(found, ((50, 95, 100), (50, 95, 100), (50, 95)), strict=True)
        )
        say(f"| {seed} | {len(collector.frames)} ({size:.1f}) | {near} | {drift} | {cells} | {spent / plain:.3f} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
