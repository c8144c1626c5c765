"""What frames larger than 640 × 480 cost on one thread: a camera of 1280 × 960, and single pictures of 3840 × 2160.

* camera: the drawn slide under a moving stage, 1280 × 960, red cells of 70 pixels: four times the area of slide that a
  640 × 480 frame shows;
* magnified: the same pictures, but 640 × 480 of slide enlarged to 1280 × 960, red cells of 140 pixels;
* still, near and still, far: single 4K pictures, each a field of its own, red cells of 280 and 140 pixels.

Bare interpreters run each frame's inferences after it, as in `pipeline.py`. "wall" is the clock, "cpu" the processor
time of this process; the bounds are 33.3 ms of processor time for a camera's frame and 60 for a single picture. "of
bare" is the ratio to the bare inferences, which a busy machine slows as well.

    python benchmarks/large_pictures.py [--frames 30] [--stills 6] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from pipeline import Bare, Sums, measure_frame

from hemato_edge.bench.measures.frames import new_analyzer
from hemato_edge.bench.measures.scenes import on_its_own
from hemato_edge.bench.measures.watch import load_models
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.values import Frame

BOUNDS_MS = {"camera": 33.3, "magnified": 33.3, "still, near": 60.0, "still, far": 60.0}


def moving(frames: int, size: tuple[int, int]) -> Iterator[Frame]:
    """Frames of a moving stage, drawn as they are asked for."""
    camera = DemoCamera(1, frame_size=size, frames=frames)
    camera.open()
    for _ in range(min(frames, camera.total_frames or frames)):
        yield camera.read(1.0)


def stills(count: int, size: tuple[int, int]) -> Iterator[Frame]:
    """Single fields of several slides."""
    for seed in range(1, count + 1):
        camera = DemoCamera(seed, still=True, clean=True, frame_size=size, frames=1)
        camera.open()
        yield on_its_own(replace(camera.read(1.0), index=seed))


def enlarged(frames: Iterator[Frame], size: tuple[int, int]) -> Iterator[Frame]:
    """The same frames at another size."""
    for frame in frames:
        yield replace(frame, image=np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_CUBIC), np.uint8))


def measure(frames: int, single: int) -> dict[str, Sums]:
    """Scene → the figures of its frames, less the first ones, which learn scale and stain."""
    models = load_models(Settings(), 1)
    bare = Bare(models, 1)
    scenes = {
        "camera": moving(frames, (1280, 960)),
        "magnified": enlarged(moving(frames, (640, 480)), (1280, 960)),
        "still, near": enlarged(stills(single, (960, 540)), (3840, 2160)),
        "still, far": enlarged(stills(single, (1920, 1080)), (3840, 2160)),
    }
    found = {}
    for name, scene in scenes.items():
        session, own = new_analyzer(models, Settings()), Sums()
        for frame in itertools.islice(scene, 2):
            session.analyze(frame)
        for frame in scene:
            measure_frame(session, frame, models, bare, own)
        found[name] = own
    return found


def row(name: str, own: Sums) -> dict[str, Any]:
    """The figures of one scene."""
    needing = np.array(own.windows) > 0
    ratio = np.array(own.cpu)[needing] / np.array(own.bare_cpu)[needing]
    return {
        "scene": name,
        "frames": len(own.cpu),
        "windows": float(np.mean(own.windows)),
        "crops": float(np.mean(own.crops)),
        "wall_ms": float(np.median(own.wall)),
        "cpu_ms": float(np.median(own.cpu)),
        "bare_cpu_ms": float(np.median(own.bare_cpu)),
        "of_bare_cpu": float(np.median(ratio)),
        "bound_ms": BOUNDS_MS[name],
        "stages_ms": {stage: float(np.median(ms)) for stage, ms in own.stages.items()},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=30, help="of a camera's scene")
    parser.add_argument("--stills", type=int, default=6, help="single pictures of a scene, three at least")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rows = [row(name, own) for name, own in measure(arguments.frames, arguments.stills).items()]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print(f"{'scene':14}{'frames':>8}{'windows':>9}{'crops':>7}{'wall ms':>9}{'cpu ms':>8}{'bare ms':>9}{'of bare':>9}")
    for one in rows:
        print(
            f"{one['scene']:14}{one['frames']:8}{one['windows']:9.1f}{one['crops']:7.1f}{one['wall_ms']:9.1f}"
            f"{one['cpu_ms']:8.1f}{one['bare_cpu_ms']:9.1f}{one['of_bare_cpu']:9.2f}"
        )
    for one in rows:
        stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in one["stages_ms"].items())
        held = "holds" if one["cpu_ms"] <= one["bound_ms"] else "does not hold here"
        print(f"{one['scene']}: bound of {one['bound_ms']:.1f} ms {held}; {stages} (median ms)")


if __name__ == "__main__":
    main()
