"""Counts of sessions over an obstructed field, compared with the plain one: bars, round fields, and overlays.

Each walk is counted twice: as from the camera, and plain, with the true part of the frame given as its mask.
Stand-alone pictures are compared by the cells with their centre on that part. Required: within 5 % of the red cells,
and one white cell. The obstructions are those of the tests.

    python benchmarks/obstructions.py [--frames 60] [--only round] [--stills] [--pictures DIR [--number 40]]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.aperture import Aperture
from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.labels import RBC, WBC
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.field_mask import FieldMask
from hemato_edge.values import FieldResult
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "edge"))
from obstructed import VARIATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from obstructed import Variation

    from hemato_edge.values import Frame, Image

RED_SHARE, WHITE_CELLS = 0.05, 1
STILL_EVERY = 15
"""One in this many frames of the walk is used as a stand-alone picture."""


@dataclass(frozen=True, slots=True)
class Count:
    """White and red cells."""

    white: int
    red: int

    def holds(self, asked: Count) -> bool:
        """Whether it is within the bounds around `asked`."""
        return abs(self.white - asked.white) <= WHITE_CELLS and abs(self.red - asked.red) <= RED_SHARE * asked.red


class Rig:
    """Locator and classifier, loaded once."""

    def __init__(self) -> None:
        self._locator, self._classifier = load_locator(), load_classifier()

    def session(self, frames: Iterable[Frame], mask: FieldMask) -> tuple[Count, str]:
        """The counts of a session, and the kinds of its mask."""
        analyzer = FieldAnalyzer(QualityGate(), self._locator, self._classifier, mask=mask)
        white = red = 0
        results = [analyzer.analyze(frame) for frame in frames]
        for result in (*results, analyzer.close()):
            if isinstance(result, FieldResult):
                white, red = white + len(result.new_cells), red + result.new_red_cells
        return Count(white, red), " ".join(analyzer.mask.aperture.kinds) or "whole"

    def still(self, image: Image, mask: FieldMask, shown: NDArray[np.bool_]) -> tuple[Count, str]:
        """The cells of a stand-alone picture with their centre where `shown`, (h, w) bool, is set."""
        aperture = mask.of_picture(image)
        found = self._locator.locate(FieldView(image, aperture))
        x, y = (found.centres + np.array(aperture.origin)).astype(int).T
        kinds = found.kinds[shown[y, x]]
        return Count(int((kinds == WBC).sum()), int((kinds == RBC).sum())), " ".join(aperture.kinds) or "whole"


def true_mask(shown: NDArray[np.bool_]) -> FieldMask:
    """The mask that a user would paint, white where `shown`, (h, w) bool."""
    if shown.all():
        return FieldMask(search=False)
    x, y, width, height = cv2.boundingRect(shown.astype(np.uint8))
    hidden = np.ascontiguousarray(~shown[y : y + height, x : x + width])
    size = shown.shape[1], shown.shape[0]
    return FieldMask(Aperture(size, (x, y, x + width, y + height), hidden if hidden.any() else None))


def moving(rig: Rig, name: str, variation: Variation, frames: list[Frame], plain: dict[bytes, Count]) -> bool:
    """Count one walk, and print its line; returns whether it is within bounds."""
    shown = variation.shown(frames[0].image.shape)
    key = np.packbits(shown).tobytes()
    if key not in plain or variation.sensor is not None:
        sensed = (replace(one, image=variation.plain(one.image, one.index)) for one in frames)
        asked, _ = rig.session(sensed, true_mask(shown))
        if variation.sensor is None:
            plain[key] = asked
    else:
        asked = plain[key]
    rigged = (replace(one, image=variation.obstruct(one.image, one.index)) for one in frames)
    return line("walk", name, asked, *rig.session(rigged, FieldMask()))


def still(rig: Rig, name: str, variation: Variation, pictures: list[Image]) -> bool:
    """Count stand-alone pictures, and print their line."""
    asked = reached = Count(0, 0)
    white_off, kinds = 0, set()
    for number, picture in enumerate(pictures):
        shown = variation.shown(picture.shape)
        one, _ = rig.still(variation.plain(picture, number), FieldMask(search=False), shown)
        picture = variation.obstruct(picture, number)
        top, left = variation.corner
        placed = np.ones(picture.shape[:2], np.bool_)
        placed[top : top + shown.shape[0], left : left + shown.shape[1]] = True
        other, kind = rig.still(picture, FieldMask(), placed)
        white_off = max(white_off, abs(one.white - other.white))
        kinds.add(kind)
        asked = Count(asked.white + one.white, asked.red + one.red)
        reached = Count(reached.white + other.white, reached.red + other.red)
    holds = white_off <= WHITE_CELLS
    return line("stills", name, asked, reached, " / ".join(sorted(kinds)), also=holds)


def line(what: str, name: str, asked: Count, reached: Count, kinds: str, *, also: bool = True) -> bool:
    """Print one line of the table; returns whether it is within bounds."""
    holds = reached.holds(asked) if what == "walk" else also and abs(reached.red - asked.red) <= RED_SHARE * asked.red
    print(
        f"| {what} | {name} | {asked.white} / {asked.red} | {reached.white} / {reached.red} | {kinds} | "
        f"{'yes' if holds else 'NO'} |",
        flush=True,
    )
    return holds


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--seed", type=int, default=5, help="of the drawn slide")
    parser.add_argument("--only", default="", help="variations whose names contain this")
    parser.add_argument("--stills", action="store_true", help="pictures of their own alone")
    parser.add_argument("--walks", action="store_true", help="walks alone")
    parser.add_argument("--pictures", type=Path, help="a folder of real fields beside the drawn ones")
    parser.add_argument("--number", type=int, default=10, help="of real fields: each fourth of the folder")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    rig, plain = Rig(), dict[bytes, Count]()
    with OpenCamera(DemoCamera(asked.seed, frames=asked.frames)) as camera:
        frames = [camera.read(1.0) for _ in range(asked.frames)]
    pictures = [frame.image for frame in frames[::STILL_EVERY]]
    if asked.pictures is not None:
        real = (cv2.imread(str(path)) for path in sorted(asked.pictures.glob("*.jpg"))[: 4 * asked.number : 4])
        pictures += [np.asarray(one, np.uint8) for one in real if one is not None]
    print("| | obstruction | white / red asked | reached | mask | holds |\n|---|---|---|---|---|---|")
    chosen = {name: one for name, one in VARIATIONS.items() if asked.only in name}
    held = []
    for name, variation in chosen.items():
        if not asked.stills:
            held.append(moving(rig, name, variation, frames, plain))
        if not asked.walks:
            held.append(still(rig, name, variation, pictures))
    print(f"\n{sum(held)} of {len(held)} hold.")


if __name__ == "__main__":
    main()
