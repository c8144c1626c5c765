"""Accuracy of registration, and separation of false matches from true ones.

Prints, for demo slides walked from end to end: how often tracking was lost, the distance between estimated and true
pose at its median, 99th percentile and maximum (pixels and red-cell diameters), and milliseconds per frame. With
`--data`, on real fields: the agreement of true shifts (two parts of a field, one dimmed and with noise, by their
overlap), of false ones (two different fields), between which the thresholds must lie, and of rotated fields: how many
still agree, and the error of the measured angle. Then a demo slide that rotates by hand by up to 4° to either side: the
distance is then that of the frame's worst corner.

    python benchmarks/registration.py [--data DIR] [--slides 3]
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import cv2
import numpy as np

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo import stage
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import SLIDE_SIZE_PX, UM_PER_PX
from hemato_edge.counting.mapping.correlation import Shift, shift_between, view_of
from hemato_edge.counting.mapping.registration import LITTLE_OVERLAP, MIN_CONFIDENCE, SURE_CONFIDENCE, Registration
from hemato_edge.counting.mapping.rotation import Turn, turn_between
from hemato_edge.values import Pose
from hemato_edge.vision.field_view import FieldView

FRAME = (640, 480)


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


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with bccd/images and raabin_fields/images")
    parser.add_argument("--slides", type=int, default=3)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for seed in range(1, arguments.slides + 1):
        walk(seed, "raster")
        walk(seed, "turned by hand", turned_walk(seed, SLIDE_SIZE_PX))
    for name in ("bccd", "raabin_fields") if arguments.data else ():
        confidences(sorted((arguments.data / name / "images").glob("*.jpg"))[:60], name)


if __name__ == "__main__":
    main()
