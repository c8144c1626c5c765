"""Whether each cell is counted once, however the stage moves, on two kinds of slide with known truth.

`drawn`: the demo slide and the whole program, with the shipped locator and classifier. `bccd` and `raabin_fields`: real
fields stitched to one large slide, each slightly brightened or darkened; there a simulated locator returns the
annotated boxes, misses 5 % of the sightings, displaces each box by 2 px (sd), and adds half a false detection per
frame. So the first tests the program, and the others test registration and ledger on real cells.

Every walk also has drift, vibration, focus drift, uneven light and noise (see `cameras/demo/stage.py`). The truth is
every object shown whole by at least one frame that passed the quality gate. `naive` is the sum over all frames. `again`
is what was added on the way back along the same path. `in 1 s` is the count after 25 frames. `cover` draws the white
cells' types from a known mix 2000 times and gives how often the 95 % intervals of the counted cells contain the true
share; `naive cover` is the same for the sum over frames. Times are medians, milliseconds on one thread: `reg` is
registration and ledger, `locate` the shipped locator (on mosaics timed on some frames), `known` a whole frame that
shows only known ground.

    python benchmarks/counting.py [--data DIR] [--slides drawn bccd raabin_fields] [--walks …] [--still-frames 10000]
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from mosaic import BoxLocator, MosaicSlide

from hemato_edge.cameras.camera import EndOfFrames
from hemato_edge.cameras.demo import stage
from hemato_edge.cameras.demo.camera import DemoCamera, shown_whole
from hemato_edge.cameras.demo.slide import DrawnSlide
from hemato_edge.cameras.demo.smear import DIFFERENTIAL
from hemato_edge.counting.intervals import clopper_pearson
from hemato_edge.labels import CLASSIFIER_LABELS, KINDS
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.values import FieldResult, Judgement
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate

FRAME = (640, 480)
STEP_PX = 60.0
FRAMES = 900
FIRST_SECOND = 25
MATCH_PX = 45.0
WHOLE_PX = 2.0
WALKS = ("raster", "return", "hand", "jumps", "blur", "light", "dropped", "still", "turned")


class OneAnswer:
    """A classifier with a constant answer: on mosaics only counting is tested."""

    def judge(self, view, boxes, look):
        """The same for every box."""
        return [Judgement(CLASSIFIER_LABELS[0], CLASSIFIER_LABELS[0], 1.0, np.eye(8, dtype=np.float32)[0])] * len(boxes)

    def pool(self, judgements):
        """The first."""
        return judgements[0]


class SeenLocator:
    """Wraps a locator and keeps its last detections and its times."""

    def __init__(self, locator):
        self.locator, self.last, self.times = locator, None, []

    def locate(self, view):
        """Detections of the wrapped locator."""
        began = time.perf_counter()
        self.last = self.locator.locate(view)
        self.times.append((time.perf_counter() - began) * 1e3)
        return self.last


def walk(name: str, slide_px: tuple[int, int], still_frames: int) -> stage.Walk:
    """The poses and faults of one walk."""
    rng = np.random.default_rng([11, WALKS.index(name)])
    room = (slide_px, FRAME, STEP_PX)
    if name == "still":
        return stage.Walk(np.tile(np.subtract(slide_px, FRAME) / 2, (still_frames, 1)))
    if name == "hand":
        return stage.Walk(stage.wander(rng, *room, FRAMES))
    if name == "jumps":
        return stage.Walk(stage.jumping(rng, *room, stretches=16))
    if name == "turned":
        poses = stage.wander(rng, *room, FRAMES)
        return stage.Walk(poses, angles=stage.turning(rng, len(poses)))
    poses = stage.raster(rng, *room, row_overlap=0.3)[:FRAMES]
    if name == "return":
        return stage.Walk(np.concatenate([poses[: FRAMES // 2], poses[: FRAMES // 2][::-1]]))
    if name == "blur":
        return stage.Walk(poses, blur=stage.blur_bursts(rng, len(poses)))
    if name == "light":
        return stage.Walk(poses, light=stage.light_steps(rng, len(poses)))
    if name == "dropped":
        return stage.Walk(poses, missing=frozenset(np.flatnonzero(rng.random(len(poses)) < 0.05).tolist()))
    return stage.Walk(poses)


def count(slide, drawn: bool, name: str, still_frames: int) -> dict[str, object]:
    """One walk over one slide."""
    path = walk(name, slide.size_px, still_frames)
    camera = DemoCamera(5, slide=slide, walk=path, frame_size=FRAME, still=name == "still")
    boxes = None if drawn else BoxLocator(camera)
    locator = SeenLocator(boxes or load_locator())
    analyzer = FieldAnalyzer(QualityGate(), locator, load_classifier() if drawn else OneAnswer())
    run = Run(camera, analyzer, locator, boxes, half=len(path.poses) // 2 if name == "return" else None)
    camera.open()
    while True:
        try:
            run.take(camera.read(1.0))
        except EndOfFrames:
            break
    run.add(analyzer.close())
    return run.figures() | {"walk": name, "frames": run.frames}


class Run:
    """Records kept while a walk is counted."""

    def __init__(self, camera, analyzer, locator, boxes, half):
        self.camera, self.analyzer, self.locator, self.boxes, self.half = camera, analyzer, locator, boxes, half
        self.counted, self.naive, self.rejected = Counter(), Counter(), Counter()
        self.good, self.cells, self.latency, self.known, self.locate = [], [], [], [], []
        self.origins, self.frames, self.after_second, self.at_half = {}, 0, None, None
        self.shipped = load_locator() if boxes else None

    def take(self, frame):
        """One frame through the analyzer."""
        self.frames += 1
        if self.boxes:
            self.boxes.index = frame.index
        self.locator.last = None
        began = time.perf_counter()
        result = self.analyzer.analyze(frame)
        spent = (time.perf_counter() - began) * 1e3
        if isinstance(result, FieldResult):
            self.good.append(frame.index)
            located = self.locator.last
            self.naive.update(self.last_seen if located is None else located.counts())
            self.last_seen = located.counts() if located is not None else self.last_seen
            if located is None:
                self.known.append(spent)
            else:
                self.latency.append(result.latency_ms["register"] + result.latency_ms.get("ledger", 0.0))
            self.add(result)
        else:
            self.rejected[str(result.reject)] += 1
        if self.boxes and self.frames % 60 == 1:
            self.time_locator(frame.image)
        if self.frames == FIRST_SECOND:
            self.after_second = Counter(self.counted)
        if self.half is not None and self.frames == self.half + 10:  # cells on trial at the turn are decided by now
            self.at_half = Counter(self.counted)

    def time_locator(self, image):
        """Time the shipped locator."""
        began = time.perf_counter()
        self.shipped.locate(FieldView(image, red_cell_px=self.analyzer.looks.red_cell_px))
        self.locate.append((time.perf_counter() - began) * 1e3)

    def add(self, result):
        """Add a result's counts."""
        if result is None:
            return
        self.counted.update(wbc=len(result.new_cells), rbc=result.new_red_cells, platelet=result.new_platelets)
        self.counted["wbc"] -= len(result.joined)
        pose = result.pose
        # the program does not know where a region lies; this comparison does
        here = np.array(self.camera.true_pose(result.frame_index)) - (pose.x_px, pose.y_px)
        origin = self.origins.setdefault(pose.region, here)
        self.cells += [np.array([c.x_px, c.y_px]) + origin for c in result.new_cells]

    def figures(self):
        """The row of the table."""
        poses = np.array([self.camera.true_pose(i) for i in self.good])
        angles = np.array([self.camera.true_angle(i) for i in self.good])
        truth, sightings = Counter(), []
        white = []
        for one in self.camera.slide.truth:
            whole = shown_whole(one, poses, angles, FRAME, WHOLE_PX)
            if whole.any():
                truth[one.kind] += 1
                if one.kind == "wbc":
                    white.append((one.x_px, one.y_px))
                    sightings.append(int(whole.sum()))
        times = np.zeros(len(white), int)
        made_up = 0
        for place in self.cells:
            distance = np.hypot(*(np.array(white) - place).T) if white else np.array([np.inf])
            near = int(np.argmin(distance))
            if distance[near] < MATCH_PX:
                times[near] += 1
            else:
                made_up += 1
        coverage = interval_coverage(np.stack([times, np.array(sightings, int)])) if white else (None, None)
        tallies = self.analyzer.tallies()
        return {
            "truth": {k: truth[k] for k in KINDS},
            "counted": {k: self.counted[k] for k in KINDS},
            "naive": {k: self.naive[k] for k in KINDS},
            "missed": int((times == 0).sum()),
            "twice": int((times > 1).sum()),
            "made_up": made_up,
            "in_1_s": None if self.after_second is None else {k: self.after_second[k] for k in KINDS},
            "again": None if self.at_half is None else {k: self.counted[k] - self.at_half[k] for k in KINDS},
            "rejected": dict(self.rejected),
            **{k: tallies.get(f"tracking_{k}", 0) for k in ("lost", "found_again", "rejoined")},
            "counted_twice": {k: tallies.get(f"counted_twice:{k}", 0) for k in KINDS},
            "inferences": tallies.get("inferences", 0),
            "cover": coverage,
            "reg_ms": _median(self.latency),
            "locate_ms": _median(self.locate or self.locator.times),
            "known_ms": _median(self.known),
            "known_frames": len(self.known),
        }


def interval_coverage(weights: np.ndarray, rounds: int = 2000) -> tuple[float, float]:
    """How often 95 % intervals contain the true share, for cells counted `weights[0]` and `weights[1]` times each."""
    rng = np.random.default_rng(3)
    shares = np.array(list(DIFFERENTIAL.values())) / sum(DIFFERENTIAL.values())
    held = np.zeros(2)
    for _ in range(rounds):
        types = rng.choice(len(shares), weights.shape[1], p=shares)
        for row in range(2):
            counts = np.bincount(types, weights[row], len(shares)).astype(int)
            low, high = np.array([clopper_pearson(int(c), max(1, int(counts.sum()))) for c in counts]).T
            held[row] += ((low <= shares) & (shares <= high)).mean()
    return float(held[0] / rounds), float(held[1] / rounds)


def _median(times: list[float]) -> float | None:
    return round(float(np.median(times)), 2) if times else None


def show(title: str, r: dict[str, object]) -> None:
    """Print one walk, a line for each kind."""
    cover = "".join(f" {100 * c:.1f} %" for c in r["cover"] if c is not None)
    tracking = f"tracking lost {r['lost']}, found again {r['found_again']}, rejoined {r['rejoined']}"
    white = f"white cells missed {r['missed']}, twice {r['twice']}, made up {r['made_up']}"
    times = f"ms: reg {r['reg_ms']}, locate {r['locate_ms']}, known {r['known_ms']} ({r['known_frames']} frames)"
    print(f"{title} {r['walk']}: {r['frames']} frames, rejected {sum(r['rejected'].values())}; {tracking}; {white}")
    print(f"  inferences {r['inferences']}; cover, naive cover{cover}; {times}")
    for kind in KINDS:
        true, counted = r["truth"][kind], r["counted"][kind]
        extra = "" if r["in_1_s"] is None or r["walk"] != "still" else f"  in 1 s {r['in_1_s'][kind]}"
        extra += "" if r["again"] is None else f"  again {r['again'][kind]}"
        extra += f"  known to be double {r['counted_twice'][kind]}" if r["counted_twice"][kind] else ""
        off = f"{100 * (counted / true - 1):+.1f} %" if true else "–"
        print(f"  {kind:9} truth {true:5}  counted {counted:5} ({off})  naive {r['naive'][kind]:8}{extra}", flush=True)


def main() -> None:
    """Parse, walk and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="folder with bccd/ and raabin_fields/; without it only the drawn slide"
    )
    parser.add_argument("--slides", nargs="+", default=["drawn", "bccd", "raabin_fields"])
    parser.add_argument("--walks", nargs="+", default=list(WALKS), choices=WALKS)
    parser.add_argument("--still-frames", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="one object a line")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for name in arguments.slides:
        if name != "drawn" and arguments.data is None:
            print(f"{name}: left out, it needs --data")
            continue
        slide = DrawnSlide(1) if name == "drawn" else MosaicSlide(arguments.data, name, 1)
        for one in arguments.walks:
            figures = count(slide, name == "drawn", one, arguments.still_frames)
            if arguments.json:
                print(json.dumps({"slide": name, **figures}), flush=True)
            else:
                show(name, figures)


if __name__ == "__main__":
    main()
