"""How well frames are registered, and how well a false match is told from a true one.

Prints, for demo slides walked from end to end: how often tracking was lost, the distance between the estimated and
the true pose at its median, 99th percentile and maximum (pixels and red-cell diameters), and milliseconds a frame.
With `--data`, also the confidence of true shifts (a field and a part of itself moved by 100 pixels, dimmed, with
noise) and of false ones (two different fields): the threshold `MIN_CONFIDENCE` must lie between the two columns.

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
from hemato_edge.cameras.demo import DemoCamera
from hemato_edge.counting.registration import MIN_CONFIDENCE, Registration

SHIFT = (100, 60)


def walk(seed: int) -> None:
    """One demo slide from end to end."""
    registration, errors, times = Registration(), [], []
    with OpenCamera(DemoCamera(seed)) as camera:
        origin = np.array(camera.true_pose(0))
        for _ in range(camera.total_frames or 0):
            frame = camera.read(1.0)
            began = time.perf_counter()
            pose = registration.locate(frame.image)
            times.append(time.perf_counter() - began)
            truth = np.array(camera.true_pose(frame.index)) - origin
            errors.append(float(np.hypot(*(np.array([pose.x_px, pose.y_px]) - truth))))
        red = 7.2 / camera.slide.um_per_px
    middle, high, worst = np.percentile(errors, [50, 99, 100])
    print(
        f"demo slide {seed}: {len(errors)} frames, lost {registration.lost} times, "
        f"error median {middle:.1f} px, 99 % {high:.1f} px, worst {worst:.1f} px ({worst / red:.2f} red cells), "
        f"{np.median(times) * 1e3:.2f} ms a frame"
    )


def confidences(files: list[Path], name: str) -> None:
    """True and false matches among real fields."""
    noise = np.random.default_rng(1)
    fields = [cv2.imread(str(path)) for path in files]
    true, false = [], []
    for image in fields:
        dx, dy = SHIFT
        registration = Registration(min_confidence=-1)
        registration.locate(image[:-dy, :-dx])
        moved = image[dy:, dx:] * 0.95 + noise.normal(0, 3, image[dy:, dx:].shape)
        true.append(registration.locate(np.clip(moved, 0, 255).astype(np.uint8)).confidence)
    for one, other in itertools.islice(itertools.combinations(fields, 2), 1000):
        registration = Registration(min_confidence=-1)
        registration.locate(one)
        false.append(registration.locate(other).confidence)
    print(
        f"{name}: true shifts, least confidence {min(true):.2f} of {len(true)}; different fields, largest "
        f"{max(false):.2f} of {len(false)}; threshold {MIN_CONFIDENCE:.2f}"
    )


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with bccd/images and raabin_fields/images")
    parser.add_argument("--slides", type=int, default=3)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for seed in range(1, arguments.slides + 1):
        walk(seed)
    for name in ("bccd", "raabin_fields") if arguments.data else ():
        confidences(sorted((arguments.data / name / "images").glob("*.jpg"))[:60], name)


if __name__ == "__main__":
    main()
