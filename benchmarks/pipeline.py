"""Cost of a frame beyond the inferences it needs: every stage, and the whole against the bare `invoke` time.

Four scenes of the drawn slide, 640 × 480, frame by frame in turn, so that a busy machine slows all alike:

* fields: stand-alone frames, as from a folder: all cells are new and classified at once;
* worst: a camera with every frame at another place: tracking is lost each time, all cells are new;
* moving: the demo's walk, the usual case of a session;
* still: the stage rests on a known field.

After each frame, bare interpreters run the inferences that this frame needed: the locator once per window, at the
window's size, the classifier in the largest possible batches, second looks at unsure cells included; `--once` adds the
scenes without second looks, in turn with the others. "of bare" is the frame relative to that time, the median of the
pairs; asked are 1.8 for `fields` and 2.2 for `worst`. "of new" is the scene's median relative to `worst`; asked are 0.9
for `moving` and 0.3 for `still`. "wall" is elapsed time, "cpu" the processor time of this process: on a busy machine
only the latter is meaningful. `spread` is the interquartile range of the ratio over its median. `--compare` shows the
cost in units of bare inferences beside that of an earlier `--json`, to compare two commits.

    python benchmarks/pipeline.py [--frames 40] [--visits 3] [--threads 1] [--once] [--json] [--compare OLD.json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_edge.bench.measures.frames import new_analyzer
from hemato_edge.bench.measures.inference import BATCHES, bare_inference
from hemato_edge.bench.measures.scenes import draw_scenes, on_its_own
from hemato_edge.bench.measures.watch import load_models
from hemato_edge.errors import ModelError
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.settings import Settings
from hemato_edge.values import FieldResult
from hemato_edge.vision.locate.choice import TFLiteLocator

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.bench.measures.watch import TimedModels

SCENES = ("fields", "worst", "moving", "still")


@dataclass
class Sums:
    """Times of the frames of one scene, ms: whole frames and bare inferences, by both clocks; stages; inferences."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    bare_wall: list[float] = field(default_factory=list)
    bare_cpu: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    windows: list[int] = field(default_factory=list)
    crops: list[int] = field(default_factory=list)


class Bare:
    """Inferences and nothing else."""

    def __init__(self, models: TimedModels, threads: int) -> None:
        assert isinstance(models.locator, TFLiteLocator)
        runtime = find_runtime()
        self._model = models.locator.model
        self._locate = lru_cache(partial(bare_inference, self._model.bundle, runtime, threads, 1))
        self._classifiers = {}
        for batch in BATCHES:
            try:
                self._classifiers[batch] = bare_inference(models.classifier.model.bundle, runtime, threads, batch)
            except ModelError:
                break
        for _ in range(3):
            for infer in self._classifiers.values():
                infer()

    def locator(self) -> Callable[[], object]:
        """An inference of the locator, of a window as large as that of the last frame."""
        return self._locate(self._model.engine.input_shape[:2])

    def run(self, windows: int, crops: int) -> None:
        """The inferences of one frame."""
        locate = self.locator()
        for _ in range(windows):
            locate()
        for batch in sorted(self._classifiers, reverse=True):
            while crops >= batch:
                self._classifiers[batch]()
                crops -= batch


def looking_once(models: TimedModels) -> TimedModels:
    """The same without second looks at unsure cells."""
    model = models.classifier.model
    model.card = model.card.model_copy(update={"second_look_views": 1})
    return models


def clocks() -> np.ndarray:
    """Both clocks, ms."""
    return np.array([time.perf_counter(), time.process_time()]) * 1e3


def visit(models: TimedModels, bare: Bare, frames: int, sums: dict[str, Sums]) -> None:
    """All scenes once, as new sessions, frame by frame in turn."""
    scenes: dict[str, Any] = dict(draw_scenes(frames, 1e6))
    worst = scenes["worst"]
    scenes["fields"] = replace(worst, frames=tuple(map(on_its_own, worst.frames)))
    sessions = {name: new_analyzer(models, Settings()) for name in SCENES}
    for name in SCENES:
        for frame in scenes[name].frames[: scenes[name].lead]:
            sessions[name].analyze(frame)
    for turn in range(frames):
        for name in SCENES:
            measure_frame(sessions[name], scenes[name].frames[scenes[name].lead + turn], models, bare, sums[name])


def measure_frame(session: Any, frame: Any, models: TimedModels, bare: Bare, own: Sums) -> None:
    """Analyse one frame of a session, and run the inferences that it took once more, bare."""
    models.take_ms()
    before = models.classifier.model.inferences
    began = clocks()
    result = session.analyze(frame)
    spent = clocks() - began
    if not isinstance(result, FieldResult):
        return
    windows, crops = len(models.located.take()), models.classifier.model.inferences - before
    bare.locator()()  # the first of a size allocates its memory
    began = clocks()
    bare.run(windows, crops)
    needed = clocks() - began
    own.wall.append(spent[0])
    own.cpu.append(spent[1])
    own.bare_wall.append(needed[0])
    own.bare_cpu.append(needed[1])
    own.windows.append(windows)
    own.crops.append(crops)
    for stage, ms in result.latency_ms.items():
        own.stages[stage].append(ms)


def row(name: str, own: Sums, worst: Sums) -> dict[str, Any]:
    """The figures of one scene."""
    found: dict[str, Any] = {
        "scene": name,
        "frames": len(own.wall),
        "windows": float(np.mean(own.windows)),
        "crops": float(np.mean(own.crops)),
        "p50_ms": float(np.median(own.wall)),
        "p95_ms": float(np.percentile(own.wall, 95)),
        "cpu_ms": float(np.median(own.cpu)),
        "of_new_wall": float(np.median(own.wall) / np.median(worst.wall)),
        "of_new_cpu": float(np.median(own.cpu) / np.median(worst.cpu)),
        "stages_ms": {stage: float(np.median(ms)) for stage, ms in own.stages.items()},
    }
    needing = np.array(own.windows) > 0
    if needing.any():
        for clock, frame, bare in (("wall", own.wall, own.bare_wall), ("cpu", own.cpu, own.bare_cpu)):
            ratio = np.array(frame)[needing] / np.maximum(np.array(bare)[needing], 1e-3)
            low, middle, high = np.percentile(ratio, [25, 50, 75])
            found |= {f"of_bare_{clock}": float(middle), f"spread_{clock}": float((high - low) / middle)}
        found["bare_cpu_ms"] = float(np.median(np.array(own.bare_cpu)[needing]))
    return found


def commit() -> str:
    """The measured commit; "" outside of a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40, help="of each scene and visit")
    parser.add_argument("--visits", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--once", action="store_true", help="also without second looks")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--compare", type=Path, metavar="OLD.json", help="an earlier run of this script")
    arguments = parser.parse_args()
    import cv2

    cv2.setNumThreads(arguments.threads)
    variants = {"": load_models(Settings(), arguments.threads)}
    if arguments.once:
        variants[" once"] = looking_once(load_models(Settings(), arguments.threads))
    bare = Bare(variants[""], arguments.threads)
    found = {variant: {name: Sums() for name in SCENES} for variant in variants}
    for _ in range(arguments.visits):
        for variant, models in variants.items():
            visit(models, bare, arguments.frames, found[variant])
    rows = [row(name + variant, sums[name], sums["worst"]) for variant, sums in found.items() for name in SCENES]
    if arguments.json:
        print(json.dumps({"commit": commit(), "threads": arguments.threads, "scenes": rows}, indent=1))
        return
    old = (
        {one["scene"]: one for one in json.loads(arguments.compare.read_text())["scenes"]} if arguments.compare else {}
    )
    show(rows, old)


def show(rows: list[dict[str, Any]], old: dict[str, Any]) -> None:
    """Print a table, and the stages under it."""
    print(f"commit {commit()}")
    heads = (
        "frames",
        "windows",
        "crops",
        "p50 ms",
        "p95 ms",
        "cpu ms",
        "of bare wall",
        "cpu",
        "spread",
        "of new wall",
        "cpu",
    )
    print(f"{'scene':12}" + "".join(f"{head:>13}" for head in heads) + ("  of bare cpu before" if old else ""))
    keys = ("frames", "windows", "crops", "p50_ms", "p95_ms", "cpu_ms", "of_bare_wall", "of_bare_cpu", "spread_cpu")
    for one in rows:
        cells = [one.get(key) for key in (*keys, "of_new_wall", "of_new_cpu")]
        line = "".join(f"{'–' if cell is None else format(cell, '.4g'):>13}" for cell in cells)
        before = old.get(one["scene"], {}).get("of_bare_cpu")
        print(f"{one['scene']:12}{line}" + (f"{before:20.2f}" if before else ""))
    for one in rows:
        stages = ", ".join(f"{stage} {ms:.2f}" for stage, ms in one["stages_ms"].items())
        print(f"{one['scene']}: {stages} (median ms, where the stage ran)")


if __name__ == "__main__":
    main()
