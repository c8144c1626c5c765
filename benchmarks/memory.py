"""Resident memory of `hemato-edge run` in a long count: is it small, and constant?

The command runs in its own process. Its camera replays the frames of a walk over the whole drawn slide, back and forth,
predrawn and stored in a file as JPEG, like a USB camera's, so that drawing does not use memory. With `--drawn 0` the
demo draws them live: it caches drawn cells, which no camera does. Every 1,000 frames the process reports its resident
memory and its peak (/proc/self/status). The last figure is the slope of a straight line through those values from the
first 1,000 frames on, megabytes (10^6 bytes) per 1,000 frames: a leak shows as a slope that does not shrink when more
frames are read. "files" is the part of the resident memory in pages of libraries and models, which the kernel can drop.
All modules are compiled before, as those of an installed program are. Bound: 115 MB after 10,000 frames, constant.

`--slides 24` walks over so many slides, one after the other: what is remembered of the slide then grows to its bounds.

`--imports` first shows the memory of the program's parts before a frame is read, loaded one after the other.

    python benchmarks/memory.py [--frames 10000] [--every 1000] [--drawn 1000] [--slides 1] [--imports] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hemato_edge.cameras.demo.camera import DemoCamera

BOUND_MB = 115.0
_CHILD = """
import os, sys, tempfile
from dataclasses import replace
import cv2
import numpy as np
from hemato_edge.cameras import registry
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cli.main import main
from hemato_edge.device.machine import Machine
from hemato_edge.device.process import read_process_memory

frames, every, folder, source = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]

class Telling(DemoCamera):
    def read(self, timeout_s=1.0):
        frame = super().read(timeout_s)
        if (frame.index + 1) % every == 0:
            now = read_process_memory(Machine(), os.getpid())
            print("MEMORY", frame.index + 1, now.resident_mb, now.peak_mb, now.file_mb, file=sys.stderr, flush=True)
        return frame

class NoSlide:
    size_px, truth = (4000, 2688), ()

class Kept(Telling):
    # a demo with pictures read from a file, like those of a camera that sends JPEG
    def __init__(self):
        super().__init__(1, still=True, clean=True, start=(1000.0, 1000.0), frames=frames, slide=NoSlide())
        self._at = np.load(os.path.join(folder, "at.npy"))
        self._file = os.open(os.path.join(folder, "frames.jpg"), os.O_RDONLY)
    def _image(self, index):
        kept = len(self._at) - 1
        turn, place = divmod(index, kept)
        place = kept - 1 - place if turn % 2 else place
        start, end = self._at[place : place + 2].tolist()
        return cv2.imdecode(np.frombuffer(os.pread(self._file, end - start, start), np.uint8), cv2.IMREAD_COLOR)

def make(spec, options):
    if source == "demo":
        return Telling(1, max_step_px=max(1.0, 39.0 * 900 / frames), frames=frames)
    return Kept()

registry.NAMED = tuple(replace(kind, make=make) if kind.name == "demo" else kind for kind in registry.NAMED)
sys.argv = ["hemato-edge", "run", "--camera", "demo", "--no-display", "--json", "--db"]
sys.argv += [tempfile.mkdtemp(dir=folder) + "/x.db"]
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
         "hemato_edge.pipeline.field", "hemato_edge.pipeline.running.daemon", "hemato_edge.store.writer",
         "ai_edge_litert.interpreter",
         "hemato_edge.vision.classify.classifier", "hemato_edge.vision.locate.choice"):
    importlib.import_module(name)
    told(name)
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.choice import load_locator
one = load_classifier()
told("classifier")
other = load_locator()
told("locator")
from hemato_edge.cameras.demo.camera import DemoCamera
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


def draw(folder: Path, count: int, slides: int = 1) -> None:
    """Write `count` frames of a walk over the whole of each slide as consecutive JPEGs, and where each begins."""
    at = [0]
    with (folder / "frames.jpg").open("wb") as stream:
        for slide in range(1, slides + 1):
            camera = DemoCamera(slide, max_step_px=max(1.0, 39.0 * 900 / count), frames=count)
            camera.open()
            for _ in range(camera.total_frames or 0):
                image = camera.read().image
                stream.write(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
                at.append(stream.tell())
    np.save(folder / "at.npy", np.array(at))


def watch(frames: int, every: int, drawn: int, slides: int = 1) -> list[tuple[int, float, float, float]]:
    """Frames read, resident and peak memory in MB, every `every` frames; `drawn` 0: the demo draws live."""
    with tempfile.TemporaryDirectory() as folder:
        if drawn:
            draw(Path(folder), drawn, slides)
        source = "kept" if drawn else "demo"
        run_child(folder, source, 2, 1)  # compiles the modules
        return run_child(folder, source, frames, every)


def run_child(folder: str, source: str, frames: int, every: int) -> list[tuple[int, float, float, float]]:
    """One run of the program in a process of its own; see `watch`."""
    command = [sys.executable, "-c", _CHILD, str(frames), str(every), folder, source]
    own = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled")}
    own.pop("PYTHONDONTWRITEBYTECODE", None)
    rows, last = [], ""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=own) as child:
        assert child.stderr is not None
        for line in child.stderr:
            last = line.strip() or last
            if line.startswith("MEMORY "):
                _, count, resident, peak, files = line.split()
                rows.append((int(count), float(resident), float(peak), float(files)))
    if child.returncode:
        raise SystemExit(f"the run ended with {child.returncode}: {last}")
    return rows


def parts() -> list[tuple[str, float]]:
    """Part of the program → megabytes that it adds."""
    done = subprocess.run([sys.executable, "-c", _PARTS], capture_output=True, text=True, check=True)
    return [(line.split()[0], float(line.split()[1])) for line in done.stdout.splitlines()]


def slope(rows: list[tuple[int, float, float, float]]) -> float | None:
    """Megabytes per 1,000 frames; None with fewer than three values."""
    if len(rows) < 3:
        return None
    counts, resident, *_ = np.array(rows).T
    return float(np.polyfit(counts / 1000, resident, 1)[0])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=1_000)
    parser.add_argument("--drawn", type=int, default=1_000, help="frames to draw before; 0: the demo as it is")
    parser.add_argument("--slides", type=int, default=1, help="slides to draw so many frames of")
    parser.add_argument("--imports", action="store_true", help="what the parts of the program take, too")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    loaded = parts() if arguments.imports else []
    rows = watch(arguments.frames, arguments.every, arguments.drawn, arguments.slides)
    rising = slope(rows)
    found: dict[str, Any] = {
        "bound_mb": BOUND_MB,
        "parts_mb": dict(loaded),
        "rows": [{"frames": n, "resident_mb": now, "peak_mb": peak, "file_mb": files} for n, now, peak, files in rows],
        "mb_per_1000_frames": rising,
        "holds": bool(rows) and rows[-1][1] <= BOUND_MB,
    }
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for name, mb in loaded:
        print(f"{name:32}{mb:+8.1f} MB")
    print(f"{'frames':>8}{'resident MB':>13}{'peak MB':>9}{'files MB':>10}")
    for count, now, peak, files in rows:
        print(f"{count:8,}{now:13.1f}{peak:9.1f}{files:10.1f}")
    if rising is not None:
        print(f"{rising:+.2f} MB per 1,000 frames")
    print(f"bound of {BOUND_MB:.0f} MB: {'holds' if found['holds'] else 'DOES NOT HOLD'}")


if __name__ == "__main__":
    main()
