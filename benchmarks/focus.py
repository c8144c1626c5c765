"""Out-of-focus pictures: does the gate stop them before the names of their cells change?

Real pictures of several laboratories are defocused in steps by a uniform disc (geometric optics: Goodman, Introduction
to Fourier Optics, section 6.4), by a Gaussian, or by a disc with the fringes that a narrow condenser adds. A step is
told as the standard deviation of the blur over the diameter of a red cell; the sign of a fringed one is its side of
the focus. Noise of the camera is added afterwards. Scale and stain are those of the sharp pictures, as in a session.

Per laboratory and step: the median of the gate's measure, the share of pictures that it stops, and, of the white cells
that are named in the sharp picture: found again, of these named alike, and named otherwise (the rest became
unclassified). Red cells are those of the sharp pictures with a detection over them. Then the same by the measure: the
limit is chosen on `CHOSEN_ON`, as the least value from which on at least 95 % keep their names; the others show it.

    python benchmarks/focus.py --data ../shared/data [--pictures 60] [--kernel disc] [--laboratory bccd …]
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.picture_files import read_pages
from hemato_edge.labels import RBC, UNCLASSIFIED, WBC
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.classify.single_cells import find_cell, learn
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate
from hemato_edge.vision.slide_appearance import WHOLE_SET, AppearanceEstimator, FocusLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_edge.vision.classify.classifier import TFLiteClassifier
    from hemato_edge.vision.locate.locator import Locator
    from hemato_edge.vision.slide_appearance import SlideAppearance

BLURS = (0.0, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1)
"""Standard deviations of the blur, red-cell diameters (7.2 µm: 0.05 is 0.36 µm)."""
CHOSEN_ON = ("bccd", "pbc_boxes", "pbc")
SHOWN_ON = ("raabin_fields", "raabin_typed", "moticam", "isfahan")
SINGLE = ("pbc", "raabin_typed", "moticam", "isfahan")
"""Laboratories whose pictures show one cell each."""
KEPT = 0.95
NOISE = 1.5
"""Standard deviation of the added noise, grey levels."""
FRINGE = 0.05
"""Δn t z over the blur and the diameter of a red cell: 0.04 for the refractive index beside its surroundings, 1 µm of
dried cell, and a cone of light whose blur is a tenth of the distance (condenser closed to 0.3), over 7.2 µm."""
FRINGE_WIDTH = 0.03
RED_ABSORBANCE = 0.4
EDGES = (0.0, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22, 0.25, 0.3, 1.0)


@dataclass(slots=True)
class Names:
    """What became of the cells that are named in the sharp picture.

    Attributes:
        asked: how many there are.
        found: how many of them were found again.
        same, other: how many of these got the same name, and another one.
        red_asked, red_found: red cells of the sharp picture, and those found again.
    """

    asked: int = 0
    found: int = 0
    same: int = 0
    other: int = 0
    red_asked: int = 0
    red_found: int = 0

    def add(self, more: Names) -> None:
        """Sum up."""
        for name in ("asked", "found", "same", "other", "red_asked", "red_found"):
            setattr(self, name, getattr(self, name) + getattr(more, name))


@dataclass(slots=True)
class Plane:
    """One picture at one step of defocus."""

    blur: float
    focus: float
    stopped: bool
    names: Names


@dataclass(slots=True)
class Answers:
    """The cells of one picture: where, and under which name."""

    white: NDArray[np.float32]
    labels: list[str]
    red: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 4), np.float32))


def disc(image: NDArray[np.float32], deviation_px: float) -> NDArray[np.float32]:
    """Blurred by a uniform disc, whose standard deviation along an axis is half its radius."""
    reach = int(np.ceil(2 * deviation_px)) + 1
    fine = 8
    grid = (np.arange((2 * reach + 1) * fine) + 0.5) / fine - reach - 0.5
    inside = (grid[:, None] ** 2 + grid[None] ** 2 <= (2 * deviation_px) ** 2).astype(np.float32)
    kernel = inside.reshape(2 * reach + 1, fine, 2 * reach + 1, fine).mean(axis=(1, 3))
    blurred = cv2.filter2D(image, cv2.CV_32F, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(blurred, np.float32)


def gaussian(image: NDArray[np.float32], deviation_px: float) -> NDArray[np.float32]:
    """Blurred by a Gaussian."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), deviation_px), np.float32)


def fringed(image: NDArray[np.float32], deviation_px: float, red_px: float, side: int) -> NDArray[np.float32]:
    """A disc, and the fringes of a cell that refracts: light follows the curvature of its thickness, in all colours.

    To first order the intensity at a distance z from the focus is I (1 - z Δn ∇²t) (transport of intensity, Teague
    1983). The thickness t is taken as proportional to the absorbance in green up to that of a red cell, which holds for
    haemoglobin; a stained nucleus is no thicker than that.
    """
    green = cv2.GaussianBlur(image[..., 1], (0, 0), FRINGE_WIDTH * red_px)
    glass = float(np.percentile(green, 99))
    thickness = np.clip(-np.log((green + 8) / (glass + 8)), 0, RED_ABSORBANCE) / RED_ABSORBANCE
    curvature = cv2.Laplacian(thickness, cv2.CV_32F)
    shade = np.exp(np.clip(-side * FRINGE * red_px * deviation_px * curvature, -1, 1))
    return disc(image * shade[..., None], deviation_px)


def defocused(image: Image, blur: float, red_px: float, kernel: str, chance: np.random.Generator) -> Image:
    """The picture as a camera would show it out of focus; the sharp one as it is."""
    if blur == 0:
        return image
    light, deviation = image.astype(np.float32), abs(blur) * red_px
    if kernel == "gauss":
        light = gaussian(light, deviation)
    elif kernel == "disc":
        light = disc(light, deviation)
    else:
        light = fringed(light, deviation, red_px, 1 if blur > 0 else -1)
    noisy = light + chance.normal(0, NOISE, light.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def pictures_of(data: Path, laboratory: str, number: int) -> list[Image]:
    """Pictures of a laboratory, evenly drawn from its validation split, or from all where it has none."""
    with (data / laboratory / "index.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    rows = [row for row in rows if row.get("split", "val") == "val"]
    rows = [rows[i] for i in sorted(set(np.linspace(0, len(rows) - 1, min(number, len(rows))).astype(int)))]
    folder = data / laboratory
    folder = folder / "images" if (folder / "images").is_dir() else folder
    return [next(iter(read_pages(folder / row["image"]))) for row in rows]


class Reader:
    """Reads pictures of one laboratory as `analyze` and `classify` do."""

    def __init__(self, pictures: list[Image], locator: Locator, classifier: TFLiteClassifier, *, single: bool) -> None:
        self._locator, self._classifier, self._single = locator, classifier, single
        looks = AppearanceEstimator(WHOLE_SET)
        for picture in pictures:
            view = FieldView(picture)
            if single:
                learn(view, find_cell(view), locator, looks)
            else:
                looks.add_field(view, locator.locate(view))
        look = looks.appearance()
        if look is None:
            raise SystemExit("nothing tells the scale of these pictures")
        self.look: SlideAppearance = look

    def read(self, picture: Image) -> Answers:
        """The white cells with their names, and the red cells."""
        view = FieldView(picture, red_cell_px=self.look.red_cell_px)
        if self._single:
            boxes, red = find_cell(view).box[None], np.zeros((0, 4), np.float32)
        else:
            found = self._locator.locate(view)
            boxes, red = found.of_kind(WBC).boxes, found.of_kind(RBC).boxes
        return Answers(boxes, [one.label for one in self._classifier.judge(view, boxes, self.look)], red)

    def compare(self, sharp: Answers, blurred: Answers) -> Names:
        """What became of the names; a cell of a single-cell picture is found always."""
        names = Names(red_asked=len(sharp.red), red_found=int((_overlap(sharp.red, blurred.red).max(1) > 0.5).sum()))
        overlap = _overlap(sharp.white, blurred.white)
        for i, label in enumerate(sharp.labels):
            if label == UNCLASSIFIED:
                continue
            names.asked += 1
            again = 0 if self._single else int(overlap[i].argmax())
            if self._single or overlap[i, again] > 0.5:
                answer = blurred.labels[again]
                names.found += 1
                names.same += answer == label
                names.other += answer not in (label, UNCLASSIFIED)
        return names


def _overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M + 1) intersection over union; the last column is 0."""
    a, b = first[:, None], np.concatenate([second, np.zeros((1, 4), np.float32)])[None]
    inner = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None).prod(-1)
    area = [(x[..., 2:] - x[..., :2]).prod(-1) for x in (a, b)]
    return np.asarray(inner / np.maximum(area[0] + area[1] - inner, 1e-6), np.float32)


def planes_of(pictures: list[Image], reader: Reader, gate: QualityGate, kernel: str) -> Iterator[Plane]:
    """Every picture at every step."""
    chance = np.random.default_rng(0)
    red_px = reader.look.red_cell_px
    level = FocusLevel(WHOLE_SET)
    for picture in pictures:
        level.add(gate.assess(FieldView(picture, red_cell_px=red_px), colours=False).measures["focus"])
    blurs = BLURS if kernel != "fringed" else tuple(sorted({*BLURS, *(-b for b in BLURS)}))
    for picture in pictures:
        sharp = reader.read(picture)
        for blur in blurs:
            image = defocused(picture, blur, red_px, kernel, chance)
            quality = gate.assess(FieldView(image, red_cell_px=red_px), colours=False)
            names = reader.compare(sharp, reader.read(image))
            yield Plane(blur, quality.measures["focus"], gate.blur(quality.measures, level.least()) is not None, names)


def _line(name: str, planes: list[Plane]) -> str:
    """One row of either table."""
    total = Names()
    for plane in planes:
        total.add(plane.names)
    passed = Names()
    for plane in planes:
        if not plane.stopped:
            passed.add(plane.names)

    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.1f}" if whole else "–"

    stopped = sum(plane.stopped for plane in planes)
    values = (
        name,
        f"{np.median([plane.focus for plane in planes]):.3f}",
        share(stopped, len(planes)),
        f"{total.asked}",
        share(total.found, total.asked),
        share(total.same, total.found),
        share(total.other, total.found),
        share(total.red_found, total.red_asked),
        share(passed.same, passed.found),
    )
    return "| " + " | ".join(values) + " |"


HEAD = (
    "median measure | stopped % | named cells | found again % | same name % | another name % | red cells % | "
    "same name of those not stopped % |\n|---|" + "--:|" * 8
)


def show(laboratory: str, planes: list[Plane]) -> None:
    """A laboratory by steps."""
    print(f"\n{laboratory}\n\n| blur, red cells | {HEAD}")
    for blur in sorted({plane.blur for plane in planes}):
        print(_line(f"{blur:+.2f}" if blur else "sharp", [plane for plane in planes if plane.blur == blur]))


def show_by_measure(title: str, planes: list[Plane]) -> None:
    """Several laboratories by the value of the measure."""
    print(f"\n{title}\n\n| measure | {HEAD}")
    for low, high in pairwise(EDGES):
        inside = [plane for plane in planes if low <= plane.focus < high]
        if inside:
            print(_line(f"{low:.2f} to {high:.2f}", inside))


def show_totals(title: str, planes: list[Plane]) -> None:
    """What becomes of the names in blurred pictures that are not stopped, and what of the sharp ones is."""
    sharp = [plane for plane in planes if plane.blur == 0]
    names = Names()
    for plane in planes:
        if plane.blur and not plane.stopped:
            names.add(plane.names)
    lost = sum(plane.stopped for plane in sharp)
    found = max(names.found, 1)
    print(
        f"\n{title}: {lost} of {len(sharp)} sharp pictures are stopped. Cells that are named in focus, in blurred "
        f"pictures that are not stopped: {names.found}; the same name {names.same / found:.1%}, another one "
        f"{names.other / found:.1%}, unclassified {1 - (names.same + names.other) / found:.1%}."
    )


def limit(planes: list[Plane]) -> float:
    """The least measure from which on at least `KEPT` of the names stay, in every window of 300 pictures above it."""
    ordered = sorted(planes, key=lambda plane: -plane.focus)
    window, best = 300, 1.0
    for start in range(0, max(1, len(ordered) - window), 50):
        part = ordered[start : start + window]
        found = sum(plane.names.found for plane in part)
        if sum(plane.names.same for plane in part) < KEPT * found:
            break
        best = part[len(part) // 2].focus
    return best


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the laboratories")
    parser.add_argument("--pictures", type=int, default=60, help="of each laboratory, at most")
    parser.add_argument("--kernel", default="disc", choices=("disc", "gauss", "fringed"))
    parser.add_argument("--laboratory", action="append", help="all unless named; may be repeated")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    locator, classifier, gate = load_locator(), load_classifier(), QualityGate()
    by_laboratory: dict[str, list[Plane]] = {}
    for name in arguments.laboratory or CHOSEN_ON + SHOWN_ON:
        pictures = pictures_of(arguments.data, name, arguments.pictures)
        reader = Reader(pictures, locator, classifier, single=name in SINGLE)
        by_laboratory[name] = list(planes_of(pictures, reader, gate, arguments.kernel))
        show(f"{name}: {len(pictures)} pictures, red cells of {reader.look.red_cell_px:.0f} px", by_laboratory[name])
    for title, names in (("Chosen on", CHOSEN_ON), ("Shown on", SHOWN_ON)):
        planes = [plane for name in names for plane in by_laboratory.get(name, [])]
        if planes:
            show_totals(title, planes)
            show_by_measure(f"{title} {', '.join(name for name in names if name in by_laboratory)}", planes)
            print(
                f"\nAt least {KEPT:.0%} keep their names from a measure of {limit(planes):.3f} on; the gate's limit: "
                f"{gate.min_focus}."
            )


if __name__ == "__main__":
    main()
