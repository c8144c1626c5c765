"""Synthetic pictures for the golden check: a device must reproduce the converter's outputs for them.

They are drawn from a seed, so that a model file contains no one else's pictures.
`python -m hemato_convert.flatbuffer.golden FILE…` gives earlier classifiers the current pairs, of all outputs; the
network stays unchanged.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

COUNT, SEED = 8, 20240
_BLOBS = (((225, 170, 175), 0.17, 0.45, 4), ((190, 170, 215), 0.26, 0.08, 1), ((95, 60, 130), 0.13, 0.08, 3))
"""Colour, radius and spread relative to the picture's side, number: red cells, a white cell, its nucleus."""
TOLERANCE_STEPS = 8
"""Largest allowed difference of a logit, in quantisation steps. Runtimes and processors differ in the last bits of all
layers: tflite-runtime 2.14, without XNNPACK, was 3 to 7 steps off LiteRT on trained models while all labels agreed;
a wrong or broken kernel is off by far more."""


def golden_images(size: int, count: int = COUNT, seed: int = SEED) -> NDArray[np.uint8]:
    """(count, size, size, 3) uint8: coloured blobs on a bright background, roughly like stained cells.

    Uniformly coloured, so that they take only a few kilobytes of a model file.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_blobs(size, rng) for _ in range(count)])


def golden_pairs(
    flatbuffer: bytes, size: int, count: int = COUNT
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float32]]]:
    """Pictures from `golden_images`, and all outputs of a classifier's flatbuffer for them, by name."""
    from hemato_convert.flatbuffer.trial import every_output

    images = golden_images(size, count)
    return images, every_output(flatbuffer, images)


def _blobs(size: int, rng: Generator) -> NDArray[np.uint8]:
    picture = np.empty((size, size, 3), np.uint8)
    picture[:] = rng.integers(205, 250, 3)
    for colour, radius, spread, count in _BLOBS:
        for _ in range(count):
            x, y = (int(v) for v in size * rng.uniform(0.5 - spread, 0.5 + spread, 2))
            wide, high = (max(1, int(size * radius * rng.uniform(0.7, 1.2))) for _ in range(2))
            b, g, r = (float(v) for v in np.clip(np.asarray(colour) + rng.normal(0, 12, 3), 0, 255))
            cv2.ellipse(picture, (x, y), (wide, high), float(rng.uniform(0, 180)), 0, 360, (b, g, r), -1, cv2.LINE_AA)
    return picture


def renew(path: Path) -> None:
    """Give a classifier's bundle golden pairs of all its outputs.

    Raises:
        ModelError: it cannot be read, is no classifier, or was not converted for this version of the runtime.
    """
    from importlib.metadata import version

    from hemato_edge.errors import ModelError
    from hemato_edge.models.bundle import PROTOTYPES, read_bundle, write_bundle
    from hemato_edge.models.card import ClassifierCard
    from hemato_edge.models.engines.litert import PACKAGE

    bundle = read_bundle(path)
    card = bundle.card
    if not isinstance(card, ClassifierCard) or card.versions.get(PACKAGE) != version(PACKAGE):
        raise ModelError(f"{path} is no classifier that was converted with {PACKAGE} {version(PACKAGE)}.")
    pairs = golden_pairs(bundle.flatbuffer, card.input.size, card.golden.count)
    compiled = {one.part: bundle.part(one.part) for one in card.artefacts}
    home = None if bundle.prototypes is None else bundle.part(PROTOTYPES)
    write_bundle(path, bundle.flatbuffer, card, *pairs, compiled, home)


if __name__ == "__main__":
    for file in sys.argv[1:]:
        renew(Path(file))
