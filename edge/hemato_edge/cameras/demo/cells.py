"""Drawing of red cells, platelets and stain precipitate, and of any cell by its label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.demo import stain as drawn_stain
from hemato_edge.cameras.demo.leukocytes import draw_leukocyte, leukocyte_outline
from hemato_edge.cameras.demo.stain import Canvas, soft, wobbly_outline
from hemato_edge.labels import PLATELET_LABEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.cameras.demo.stain import Outline

RED_CELL = "red_cell"
"""Label of a red cell in the truth; the classifier never sees one."""
PRECIPITATE = "precipitate"
"""Label of stain precipitate; not a cell, and not in the truth."""
RED_CELL_UM = 7.2
"""Mean diameter of a drawn red cell, micrometres."""


@dataclass(frozen=True, slots=True)
class CellPlan:
    """A cell to be drawn: label, and outline, (N, 2) float32 pixels, with its box centred on 0, 0."""

    label: str
    seed: int
    outline: Outline

    @property
    def half_extent(self) -> tuple[float, float]:
        """Half the width and half the height of the cell's box, pixels."""
        return float(np.ptp(self.outline[:, 0]) / 2), float(np.ptp(self.outline[:, 1]) / 2)


def plan_cell(label: str, seed: int, um_per_px: float) -> CellPlan:
    """Choose size and outline of a cell without drawing it. The same seed gives the same cell."""
    if label == RED_CELL:
        outline = _red_cell_outline(seed, um_per_px)
    elif label == PLATELET_LABEL:
        outline = _platelet_outline(seed, um_per_px)
    elif label == PRECIPITATE:
        rng = np.random.default_rng([seed, 0])
        outline = wobbly_outline(rng, rng.uniform(0.25, 0.9) / um_per_px, 0.12, rng.uniform(1, 1.6), 16)
    else:
        outline = leukocyte_outline(label, seed, um_per_px)
    return CellPlan(label, seed, outline - (outline.max(axis=0) + outline.min(axis=0)) / 2)


def draw_cell(plan: CellPlan) -> NDArray[np.float16]:
    """The cell as a square patch of optical density, (S, S, 3) float16 BGR, S even, centred on it."""
    if plan.label == RED_CELL:
        return _red_cell(plan)
    if plan.label == PLATELET_LABEL:
        return _platelet(plan)
    if plan.label == PRECIPITATE:
        return _precipitate(plan)
    return draw_leukocyte(plan.label, plan.seed, plan.outline)


def _red_cell_outline(seed: int, um_per_px: float) -> Outline:
    rng = np.random.default_rng([seed, 0])
    diameter = RED_CELL_UM * float(np.clip(rng.normal(1, 0.06), 0.85, 1.15)) / um_per_px
    if rng.random() < 0.08:
        return wobbly_outline(rng, diameter, 0.05, rng.uniform(1.2, 1.5))
    return wobbly_outline(rng, diameter, 0.018, rng.uniform(1.0, 1.18))


def _red_cell(plan: CellPlan) -> NDArray[np.float16]:
    """A biconcave disc: densest between middle and border, with central pallor of varying size and depth."""
    rng = np.random.default_rng([plan.seed, 1])
    canvas = Canvas(rng, int(np.abs(plan.outline).max()) + 5)
    distance = canvas.distance(plan.outline)
    way = np.clip(1 - distance / distance.max(), 0, 1)
    floor = float(np.clip(rng.normal(0.24, 0.16), 0.03, 0.8))
    pallor, slope = rng.normal(0.40, 0.08), rng.uniform(0.22, 0.42)
    thickness = np.asarray(1 / (1 + np.exp(-(way - pallor) / (0.25 * slope))), np.float32)
    thickness *= 1 - np.float32(0.12) * np.clip((way - 0.72) / 0.28, 0, 1)
    disc = cv2.GaussianBlur(floor + (1 - floor) * thickness, (0, 0), 1.5 * drawn_stain.SUPERSAMPLE)
    amount = disc * soft(distance - 0.3, 3.6) * np.float32(rng.normal(1.04, 0.09))
    canvas.add(drawn_stain.HAEMOGLOBIN, np.asarray(amount, np.float32))
    return canvas.patch()


def _platelet_outline(seed: int, um_per_px: float) -> Outline:
    rng = np.random.default_rng([seed, 0])
    diameter_um = float(np.clip(2.9 * np.exp(rng.normal(0, 0.25)), 1.8, 5.2))
    return wobbly_outline(rng, diameter_um / um_per_px, 0.08, rng.uniform(1.0, 1.4), 48)


def _platelet(plan: CellPlan) -> NDArray[np.float16]:
    """A pale, ragged body with a cluster of purple granules in its middle."""
    rng = np.random.default_rng([plan.seed, 1])
    canvas = Canvas(rng, int(np.abs(plan.outline).max()) + 6)
    distance = canvas.distance(plan.outline) + np.float32(0.9) * canvas.noise(4.0)
    canvas.add(drawn_stain.PLATELET_BODY, np.asarray(soft(distance, 3.0) * (1 + 0.2 * canvas.noise(4.0)), np.float32))
    heart = canvas.granules(np.asarray(distance - 1.8, np.float32), 3.2, (1.0, 2.2))
    strength = np.clip(0.8 + 0.25 * canvas.noise(6.0), 0.2, 1.3) * np.float32(rng.uniform(1.0, 1.4))
    canvas.add(drawn_stain.PLATELET_GRANULE, np.asarray(heart * strength, np.float32))
    return canvas.patch()


def _precipitate(plan: CellPlan) -> NDArray[np.float16]:
    """A speck of dried stain: small, dark, without structure."""
    rng = np.random.default_rng([plan.seed, 1])
    canvas = Canvas(rng, int(np.abs(plan.outline).max()) + 4)
    amount = soft(canvas.distance(plan.outline), 2.0) * np.float32(rng.uniform(0.4, 1.0))
    canvas.add(drawn_stain.PRECIPITATE, amount)
    return canvas.patch()
