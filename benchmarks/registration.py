"""Accuracy of registration, and separation of false matches from true ones.

Prints, for demo slides walked from end to end: how often tracking was lost, the distance between estimated and true
pose at its median, 99th percentile and maximum (pixels and red-cell diameters), and milliseconds per frame. With
`--data`, on real fields: the agreement of true shifts (two parts of a field, one dimmed and with noise, by their
overlap), of false ones (two different fields), between which the thresholds must lie, and of rotated fields: how many
still agree, and the error of the measured angle. Then a demo slide that rotates by hand by up to 4° to either side: the
distance is then that of the frame's worst corner.

With `--returns`, a lost frame among up to 2,048 key fields of drawn slides (and, with `--data`, of stitched real ones),
each slide in eight mirrored positions: what the search of an unknown place costs, and how many returns that share 40,
60 and 80 % with a key field are found; through the index, and with all key fields correlated, in turn. Returns are
dimmed, blurred and noisy, and every second is turned by 3°.

    python benchmarks/registration.py [--data DIR] [--slides 3] [--returns 20]
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from mosaic import MosaicSlide

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo import stage
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import SLIDE_SIZE_PX, UM_PER_PX, DrawnSlide
from hemato_edge.counting.mapping import keyfields
from hemato_edge.counting.mapping.correlation import MIN_OVERLAP, Shift, View, shift_between, view_of
from hemato_edge.counting.mapping.keyfields import MAX_KEY_FIELDS, KeyField, KeyFields
from hemato_edge.counting.mapping.registration import LITTLE_OVERLAP, MIN_CONFIDENCE, SURE_CONFIDENCE, Registration
from hemato_edge.counting.mapping.rotation import Turn, turn_between
from hemato_edge.values import Pose
from hemato_edge.vision.field_view import FieldView

FRAME = (640, 480)
PLACED_PX = 30.0
"""A return is found where its corner is this close, pixels: one turned by 3° lies off by its rotation."""


def walk(seed: int, name: str, path: stage.Walk | None = None) -> None:
    """One walk over a demo slide."""
    registration, errors, angles, times = Registration(), [], [], []
    corners = np.array([(0, 0), (640, 0), (0, 480), (640, 480)], np.float64)
    origin = None
    with OpenCamera(DemoCamera(seed, walk=path)) as camera:
        for _ in range(camera.total_frames or 0):
            frame = camera.read(1.0)
            began = time.perf_counter()
            pose = registration.locate(FieldView(frame.image))
            times.append(time.perf_counter() - began)
            truth = Pose(0, *camera.true_pose(frame.index), 1.0, camera.true_angle(frame.index))
            apart = truth.on_slide(corners, FRAME) - pose.on_slide(corners, FRAME)
            origin = apart.mean(axis=0) if origin is None else origin
            errors.append(float(np.hypot(*(apart - origin).T).max()))
            angles.append(abs(truth.angle_deg - pose.angle_deg))
        red = 7.2 / UM_PER_PX
    middle, high, worst = np.percentile(errors, [50, 99, 100])
    print(
        f"demo slide {seed}, {name}: {len(errors)} frames, lost {registration.lost} times, "
        f"error median {middle:.1f} px, 99 % {high:.1f} px, worst {worst:.1f} px ({worst / red:.2f} red cells), "
        f"angle off by {np.median(angles):.2f}°, at worst {max(angles):.2f}°, {np.median(times) * 1e3:.2f} ms a frame"
    )


def turned_walk(seed: int, slide_px: tuple[int, int]) -> stage.Walk:
    """A slide that is pushed and rotated by hand."""
    rng = np.random.default_rng([11, seed])
    poses = stage.wander(rng, slide_px, FRAME, 60.0, 900)
    return stage.Walk(poses, angles=stage.turning(rng, len(poses)))


def confidences(files: list[Path], name: str) -> None:
    """True and false matches among real fields, and views rotated against each other."""
    noise = np.random.default_rng(1)
    fields = [cv2.imread(str(path)) for path in files]
    for share in (0.8, 0.5, 0.3):
        agreements, errors, missed = [], [], 0
        for image in fields:
            shift, error = _placed(image, share, noise)
            missed += error > 6
            agreements += [shift.agreement] * (error <= 6)
            errors += [error] * (error <= 6)
        print(
            f"{name}: {100 * share:.0f} % in common: {len(agreements)} of {len(fields)} found, least agreement "
            f"{min(agreements):.2f}, error median {np.median(errors):.2f} px, worst {max(errors):.2f} px"
        )
    views = [view_of(FieldView(image)) for image in fields]
    false = [shift_between(one, other) for one, other in itertools.islice(itertools.combinations(views, 2), 1000)]
    wide = [shift.agreement for shift in false if shift.overlap >= LITTLE_OVERLAP]
    narrow = [shift.agreement for shift in false if shift.overlap < LITTLE_OVERLAP]
    print(
        f"{name}: different fields, largest agreement {max(wide):.2f} of {len(wide)} (threshold {MIN_CONFIDENCE}), "
        f"with little overlap {max(narrow):.2f} of {len(narrow)} (threshold {SURE_CONFIDENCE})"
    )
    for degrees in (0.0, 0.5, 1.0, 2.0, 3.0, 5.0):
        found = [_turned(image, degrees, noise) for image in fields]
        fitting = [(shift, turn) for shift, turn in found if shift.agreement >= MIN_CONFIDENCE]
        off = [abs(turn.degrees - degrees) for _, turn in fitting] or [float("nan")]
        print(
            f"{name}: turned by {degrees}°: {len(fitting)} of {len(found)} fit; measured angle off by "
            f"{np.median(off):.2f}° in the middle, {max(off):.2f}° at most"
        )


def _placed(image: np.ndarray, share: float, noise: np.random.Generator) -> tuple[Shift, float]:
    """A part of a field against another part with an overlap of `share`; and the error in pixels."""
    part = 1 / (2 - np.sqrt(share))
    height, width = (int(side * part) for side in image.shape[:2])
    dx, dy = image.shape[1] - width, image.shape[0] - height
    moved = np.clip(image[dy:, dx:] * 0.95 + noise.normal(0, 3, image[dy:, dx:].shape), 0, 255).astype(np.uint8)
    one, other = view_of(FieldView(image[:height, :width])), view_of(FieldView(moved))
    shift = shift_between(one, other)
    return shift, float(np.hypot(shift.x * other.scale - dx, shift.y * other.scale - dy))


def _turned(image: np.ndarray, degrees: float, noise: np.random.Generator) -> tuple[Shift, Turn]:
    """A field against itself in a rotated frame, slightly shifted, dimmed and with noise."""
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turn[:, 2] -= (0.1 * width, 0.05 * height)
    turned = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT) * 0.95
    moved = np.clip(turned + noise.normal(0, 3, turned.shape), 0, 255).astype(np.uint8)
    one, other = view_of(FieldView(image)), view_of(FieldView(moved))
    shift = shift_between(one, other)
    return shift, turn_between(one, other, shift)


class Ground:
    """Slides in eight mirrored positions each, and key fields on a grid over them.

    Args:
        pictures: green channels of whole slides, (H, W) uint8 each.
    """

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self.noise = np.random.default_rng(7)
        positions = ((turned, x, y) for turned in (False, True) for x in (1, -1) for y in (1, -1))
        self.pictures = [(one.T if t else one)[::y, ::x] for (t, x, y), one in itertools.product(positions, pictures)]
        places = [
            (number, x, y)
            for number, one in enumerate(self.pictures)
            for y in range(0, one.shape[0] - FRAME[1], 210)
            for x in range(0, one.shape[1] - FRAME[0], 270)
        ]
        self.fields, self.places = KeyFields(), self.noise.permutation(places)[:MAX_KEY_FIELDS]
        for number, x, y in self.places.tolist():
            self.fields.add(self.view(number, x, y, blur=self.noise.uniform(0.35, 1)), number, x, y)
        self.keys = self.fields.others(-1)

    def view(self, number: int, x: int, y: int, *, degrees: float = 0.0, blur: float = 0.35) -> View:
        """A frame of a slide, turned about its middle, dimmed, blurred and noisy."""
        turn = cv2.getRotationMatrix2D((FRAME[0] / 2, FRAME[1] / 2), degrees, 1.0)
        turn[:, 2] += x, y
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        image = cv2.warpAffine(self.pictures[number], turn, FRAME, flags=flags, borderMode=cv2.BORDER_REFLECT)
        image = cv2.GaussianBlur(image, (0, 0), blur) * self.noise.uniform(0.7, 1)
        image = np.clip(image + self.noise.normal(0, 1.8, image.shape), 0, 255).astype(np.uint8)
        return view_of(FieldView(cv2.merge([image] * 3)))

    def a_return(self, share: float, degrees: float) -> tuple[View, list[KeyField], np.ndarray]:
        """A frame that shares `share` with a key field, those that share no more with it, and its number and corner."""
        while True:
            number, x, y = self.noise.choice(self.places).tolist()
            across = self.noise.uniform(share, 1)
            x += round((1 - across) * FRAME[0]) * int(self.noise.choice((-1, 1)))
            y += round((1 - share / across) * FRAME[1]) * int(self.noise.choice((-1, 1)))
            room = np.subtract(self.pictures[number].shape[::-1], FRAME)
            if (np.array((x, y)) >= 0).all() and (np.array((x, y)) <= room).all():
                break
        common = np.clip(1 - np.abs(self.places[:, 1:] - (x, y)) / FRAME, 0, 1).prod(axis=1)
        common[self.places[:, 0] != number] = 0
        keys = [key for key, shared in zip(self.keys, common, strict=True) if shared <= share + 0.02]
        return (
            self.view(number, x, y, degrees=degrees, blur=self.noise.uniform(0.35, 2)),
            keys,
            np.array((number, x, y)),
        )

    def outcome(self, view: View, keys: list[KeyField], truth: np.ndarray) -> str:
        """What a search makes of a return: found, at a false place, or lost."""
        for key in self.fields.search(view, keys):
            shift = self.fields.compare(key, view)
            if shift is not None and shift.agreement >= SURE_CONFIDENCE and shift.overlap >= MIN_OVERLAP:
                apart = (key.x + shift.x * view.scale, key.y + shift.y * view.scale) - truth[1:]
                return "found" if key.region == truth[0] and np.abs(apart).max() < PLACED_PX else "false"
        return "lost"


def searching(ground: Ground, name: str, returns: int) -> None:
    """Cost of a lost frame, and the returns that are found, through the index and by correlating all."""
    chosen = keyfields.LIKELY
    outcomes: dict[tuple[int, float], Counter[str]] = {}
    both: Counter[str] = Counter()
    for share, degrees in itertools.product((0.4, 0.6, 0.8), (0.0, 3.0)):
        for _ in range(returns):
            view, keys, truth = ground.a_return(share, degrees)
            made = []
            for keyfields.LIKELY in (chosen, MAX_KEY_FIELDS):
                made.append(ground.outcome(view, keys, truth))
                outcomes.setdefault((keyfields.LIKELY, share), Counter())[made[-1]] += 1
            both["kept"] += made == ["found", "found"]
            both["found by all"] += made[1] == "found"
    for (likely, share), counted in sorted(outcomes.items()):
        how = "all correlated" if likely > chosen else "index"
        print(f"{name}, {len(ground.keys)} key fields, {100 * share:.0f} % in common, {how}: {dict(counted)}")
    print(f"{name}: {both['kept']} of the {both['found by all']} found by correlating all are found through the index")
    unknown = [view_of(FieldView(DrawnSlide(99, FRAME, 4).view(0, 0)))]
    unknown += [ground.view(0, 0, 0, degrees=30.0 + 10 * i) for i in range(5)]
    for count in (24, 256, len(ground.keys)):
        keys, times = ground.keys[-count:], np.zeros((2, len(unknown)))
        for i, view in enumerate(unknown):
            for row, keyfields.LIKELY in enumerate((chosen, MAX_KEY_FIELDS)):
                spent = []
                for _ in range(3):
                    began = time.process_time()
                    ground.fields.search(view, keys)
                    spent.append(time.process_time() - began)
                times[row, i] = min(spent) * 1e3
        index, exhaustive = np.median(times, axis=1)
        print(
            f"{name}: lost at {count} key fields: {index:.1f} ms through the index, all correlated {exhaustive:.1f} ms"
        )
    keyfields.LIKELY = chosen


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with bccd/images and raabin_fields/images")
    parser.add_argument("--slides", type=int, default=3)
    parser.add_argument("--returns", type=int, default=0, help="of each overlap and angle, among 2,048 key fields")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for seed in range(1, arguments.slides + 1):
        walk(seed, "raster")
        walk(seed, "turned by hand", turned_walk(seed, SLIDE_SIZE_PX))
    names = ("bccd", "raabin_fields") if arguments.data else ()
    for name in names:
        confidences(sorted((arguments.data / name / "images").glob("*.jpg"))[:60], name)
    if arguments.returns:
        slides = [DrawnSlide(seed) for seed in (1, 3)]
        drawn = [slide.view(0, 0, slide.size_px)[..., 1] for slide in slides]
        searching(Ground(drawn), "drawn", arguments.returns)
    for name in names if arguments.returns else ():
        slide = MosaicSlide(arguments.data, name, 1)
        searching(Ground([slide.view(0, 0, slide.size_px)[..., 1]]), name, arguments.returns)


if __name__ == "__main__":
    main()
