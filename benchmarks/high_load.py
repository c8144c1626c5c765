"""Two loads beyond a microscope's usual ones: a field with two thousand red cells, and a 4K camera at 30 frames/s.

* dense: drawn slides side by side, halved, so that 3840 × 2160 pixels hold thousands of red cells; the stage moves a
  little from frame to frame. Told are the red cells found in a frame, what the session counts, and the time;
* camera: the same slide under a moving stage, 30 times a second from a process of its own, into the whole daemon. Told
  are the frames that were read and dropped, what was counted, and the memory of both processes.

    python benchmarks/high_load.py [--frames 8] [--seconds 30] [--json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.bench.measures.frames import new_analyzer
from hemato_edge.bench.measures.watch import load_models
from hemato_edge.cameras.camera import Noise
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.isolated.child import CameraRecipe
from hemato_edge.cameras.isolated.parent import ReaderProcess
from hemato_edge.cameras.recovery.guarded import GuardedCamera
from hemato_edge.device.process import keep_one_arena
from hemato_edge.pipeline.running.daemon import Daemon, Limits
from hemato_edge.settings import Settings
from hemato_edge.store.records import FINISHED, SessionStart
from hemato_edge.store.writer import open_writer
from hemato_edge.values import FieldResult, Frame

if TYPE_CHECKING:
    from hemato_edge.store.records import Totals
    from hemato_edge.values import Image

WIDTH, HEIGHT, FPS = 3840, 2160, 30.0
STEP_PX, STEPS = 24, 5
"""How far the stage goes between two frames, and how many places it has before it goes back."""
_HALF = (1980, 1330)
MAKER = "high_load:make"


def dense_picture() -> Image:
    """Four drawn slides side by side at half their size, a little larger than a 4K frame; BGR."""
    slides = []
    for seed in range(1, 5):
        camera = DemoCamera(seed, still=True, clean=True, frames=1, frame_size=(2 * _HALF[0], 2 * _HALF[1]))
        camera.open()
        slides.append(cv2.resize(camera.read(1.0).image, _HALF, interpolation=cv2.INTER_AREA))
    return np.asarray(np.vstack([np.hstack(slides[:2]), np.hstack(slides[2:])]), np.uint8)


def view(picture: Image, index: int) -> Image:
    """What the camera shows at a step of the stage, (2160, 3840, 3)."""
    step = index % (2 * STEPS)
    left = STEP_PX * (step if step <= STEPS else 2 * STEPS - step)
    return np.ascontiguousarray(picture[:HEIGHT, left : left + WIDTH])


class FastCamera:
    """A live 4K camera: frames come when they are due, and one that nobody took is gone. Implements `Camera`."""

    live, noise, total_frames = True, Noise.NONE, None

    def __init__(self, picture: Path) -> None:
        self.name, self.skipped = "4K at 30 frames/s", Counter[str]()
        self._picture = picture
        self._shown = np.zeros((0, 0, 3), np.uint8)
        self._began = 0.0
        self._given = -1

    def open(self) -> None:
        """Hold all that will be shown."""
        self._shown = np.asarray(cv2.imread(str(self._picture)), np.uint8)
        self._began = time.monotonic()

    def read(self, timeout_s: float) -> Frame:
        """The next frame that is due."""
        due = max(self._given + 1, int((time.monotonic() - self._began) * FPS))
        time.sleep(max(0.0, self._began + due / FPS - time.monotonic()))
        self._given = due
        image = view(self._shown, due)
        return Frame(image, due, time.monotonic(), datetime.now(timezone.utc), self.name)

    def close(self) -> None:
        """Nothing to let go of."""


def make(spec: str, _: object) -> FastCamera:
    """For `CameraRecipe.maker`: the camera that shows the picture at `spec`."""
    return FastCamera(Path(spec))


def dense(picture: Image, frames: int) -> dict[str, Any]:
    """Frames of a dense field under a moving stage, one session."""
    models = load_models(Settings(), 1)
    analyzer, spent, seen, counted = new_analyzer(models, Settings()), [], [], 0
    for index in range(frames):
        frame = Frame(view(picture, index), index, index / FPS, datetime.now(timezone.utc), "dense")
        began = time.process_time()
        result = analyzer.analyze(frame)
        spent.append((time.process_time() - began) * 1e3)
        if isinstance(result, FieldResult):
            seen.append(result.seen["rbc"])
            counted += int(result.new_red_cells)
    return {
        "frames": frames,
        "red_cells_a_frame": float(np.median(seen)) if seen else 0.0,
        "red_cells_counted": counted,
        "cpu_ms_a_frame": float(np.median(spent)),
        "rss_mb": _rss_mb("self"),
    }


def camera(folder: Path, picture: Image, seconds: float) -> dict[str, Any]:
    """The whole daemon behind the camera."""
    models, settings = load_models(Settings(), 1), Settings()
    cv2.imwrite(str(folder / "slide.png"), picture)
    reader = ReaderProcess(CameraRecipe(str(folder / "slide.png"), maker=MAKER))
    most = [0.0, 0.0]

    def look(totals: Totals) -> None:
        most[0] = max(most[0], _rss_mb("self"))
        most[1] = max(most[1], _rss_mb(str(reader.pid)) if reader.pid else 0.0)

    with open_writer(folder / "load.db", passing=True) as writer:
        start = SessionStart("load", "", None, "", "0" * 64, {}, {}, datetime.now(timezone.utc), time.monotonic())
        guard = GuardedCamera(reader, reader.interrupt)
        daemon = Daemon(
            guard,
            new_analyzer(models, settings),
            writer,
            lambda: writer.start_session(start),
            Limits(duration_s=seconds),
        )
        began = time.process_time()
        outcome = daemon.run(look)
        spent = time.process_time() - began
        writer.end_session(outcome.totals.session, FINISHED, datetime.now(timezone.utc))
    totals = outcome.totals
    return {
        "seconds": seconds,
        "frames": totals.frames,
        "dropped": totals.dropped,
        "rejected": totals.rejected,
        "fields": totals.fields,
        "red_cells": totals.rbc,
        "cpu_share": spent / seconds,
        "rss_mb": most[0],
        "reader_rss_mb": most[1],
        "state": daemon.camera_health.status_line(),
    }


def _rss_mb(pid: str) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return float(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=8, help="of the dense field")
    parser.add_argument("--seconds", type=float, default=30.0, help="that the camera runs")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    keep_one_arena()
    cv2.setNumThreads(1)
    picture = dense_picture()
    found: dict[str, Any] = {"dense": dense(picture, arguments.frames)}
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        found["camera"] = camera(Path(folder), picture, arguments.seconds)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for name, figures in found.items():
        print(name)
        for what, value in figures.items():
            print(f"  {what:20}{value:.1f}" if isinstance(value, float) else f"  {what:20}{value}")


if __name__ == "__main__":
    main()
