"""Drawn fields with a box round every cell, in BCCD's layout, so that a locator can be trained anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from training.drawn_blood import BACKGROUND, RED_CELL, RED_CENTRE, write_index, write_voc

if TYPE_CHECKING:
    from pathlib import Path

RED_PX = 24
NUCLEUS, CYTOPLASM, GRANULE = (130, 40, 90), (215, 190, 215), (170, 90, 150)


def draw_fields(folder: Path, train: int = 6, val: int = 2) -> Path:
    """Draw the set `bccd` under `folder`: fields of 160 × 120 pixels."""
    own = folder / "bccd"
    (own / "images").mkdir(parents=True)
    (own / "annotations").mkdir()
    rows = []
    for i in range(train + val):
        picture, boxes = draw_one(np.random.default_rng(i))
        cv2.imwrite(str(own / "images" / f"F{i}.png"), picture)
        write_voc(own / "annotations" / f"F{i}.xml", boxes)
        rows.append((f"F{i}.png", str(i), "train" if i < train else "val", "NEUTROPHIL", "1"))
    write_index(own, ("image", "field", "split", "subtypes", "wbc_boxes"), rows)
    return folder


def draw_one(
    rng: np.random.Generator, width: int = 160, height: int = 120
) -> tuple[np.ndarray, list[tuple[str, tuple[int, ...]]]]:
    """A field, and its boxes as `write_voc` takes them."""
    picture = np.full((height, width, 3), BACKGROUND, np.uint8)
    boxes: list[tuple[str, tuple[int, ...]]] = []
    taken: list[tuple[float, float, float]] = []
    for name, count, radius in (("WBC", 1, 0.9 * RED_PX), ("RBC", 9, 0.5 * RED_PX), ("Platelets", 2, 0.2 * RED_PX)):
        for _ in range(count * 12):
            x, y = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
            if any(np.hypot(x - a, y - b) < radius + r for a, b, r in taken) or count == 0:
                continue
            count -= 1
            taken.append((x, y, radius))
            at, reach = (round(x), round(y)), round(radius)
            paint(picture, name, at, reach)
            boxes.append((name, (at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach)))
    return picture, boxes


def paint(picture: np.ndarray, name: str, at: tuple[int, int], reach: int) -> None:
    outer, inner, share = {
        "WBC": (CYTOPLASM, NUCLEUS, 0.7),
        "RBC": (RED_CELL, RED_CENTRE, 0.4),
        "Platelets": (GRANULE, NUCLEUS, 0.3),
    }[name]
    cv2.circle(picture, at, reach, outer, -1, cv2.LINE_AA)
    cv2.circle(picture, at, max(1, round(reach * share)), inner, -1, cv2.LINE_AA)
