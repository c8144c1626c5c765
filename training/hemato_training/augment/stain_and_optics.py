"""Augmentation: the same cell under another microscope, camera, lamp or stain.

Works on one crop at a time with numpy and OpenCV. A crop is re-imaged in a random simulated laboratory, and then
normalised to the reference stain by the device's own code with the calibration that would be measured there.
Everything is determined by the given random generator, so a resumed run repeats the same crops. About 1 ms for
112 pixels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.vision.optics.stain import (
    OFFSET,
    REFERENCE_NUCLEUS_OD,
    REFERENCE_RED_OD,
    StainCalibration,
    apply_stain,
    density,
)

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from hemato_edge.values import Image

MARGIN = 1.5
"""Side of the input crop relative to the output: √2 for any rotation, the rest for shifts."""
ZOOM = 0.25
"""Largest relative error of scale. Red cells measure 6.2 to 8.2 µm, and the estimate adds a similar error."""
STRAIGHT = 0.4
"""Share of views whose stain table is a straight line through glass and nucleus; of the rest, half also go through the
red cells and half lie anywhere between."""
CLIPPED = 0.25
"""Share of views whose camera clips dark levels."""
BLACK = 70.0
"""Highest level, of 255, that such a camera shows as black."""
RIM = 0.04
"""Share of views cut by the round rim of an eyepiece."""
SHIFT = 0.06
"""Largest shift in sides of the crop: error of a locator's box centre."""
AT_HOME = 0.4
"""Share of views that stay close to their own laboratory, to retain in-distribution accuracy."""
CROSSTALK = 0.15
"""Standard deviation of the channel mixing at strength 1."""
DYE = (0.35, 1.3)
"""Nuclear density over the reference's, lowest and highest: bccd's nuclei have 0.34 of pbc's in green."""
GLASS = (150.0, 275.0)
"""Brightness of empty glass; above 255 it is overexposed."""
_LEVELS = np.arange(256, dtype=np.float32)


def augment(crop: Image, stain: StainCalibration, size: int, rng: Generator, strength: float = 0.6) -> Image:
    """One augmented view of a cell as input of the classifier: normalised to the reference stain.

    Args:
        crop: (M, M, 3) uint8 BGR as from the camera, M about `MARGIN` × size, the cell in its centre.
        stain: of the crop's laboratory.
        size: side of the result, pixels.
        rng: source of all randomness.
        strength: 0 leaves colours and sharpness unchanged (rotation, flips and shifts remain), 1 is the strongest at
            which a cell is still recognisable.

    Returns:
        (size, size, 3) uint8 BGR.
    """
    picture = change_pose(crop, size, rng, strength)
    if strength <= 0:
        return apply_stain(picture, stain)
    if rng.random() < AT_HOME:
        strength *= rng.uniform(0, 0.5)
    picture = change_softness(picture, rng, strength)
    photographed, measured = photograph_elsewhere(picture, stain, rng, strength)
    finished = apply_stain(photographed, measured, _red_weight(rng))
    if rng.random() < RIM:
        finished = cut_by_rim(finished, rng)
    return change_hue(finished, rng, strength) if rng.random() < 0.5 else finished


def photograph_elsewhere(
    picture: Image, stain: StainCalibration, rng: Generator, strength: float
) -> tuple[Image, StainCalibration]:
    """The picture with another laboratory's stain, lamp and camera, and the calibration measured there.

    Modelled in optical density: another amount of dye and sensitivity per channel, crosstalk between channels (dyes and
    filters of another colour), a nonlinear response, another background that may be overexposed, clipped dark levels,
    uneven light, noise, eight bits and JPEG. The points of the stain calibration, background, nucleus and red cell, go
    through the same chain and get a measurement error, so that normalisation leaves the same residues as on a real
    foreign slide: amplified noise, clipping, and dyes not determined by the points.

    Args:
        picture: (S, S, 3) uint8 BGR.
        stain: of the laboratory it comes from.
        rng: source of all randomness.
        strength: 0 to 1.

    Returns:
        The picture, (S, S, 3) uint8 BGR, and its stain calibration.
    """
    nucleus = np.asarray(REFERENCE_NUCLEUS_OD)
    known = density(picture, np.asarray(stain.background)) * stain.ratios().astype(np.float32)
    red = np.asarray(REFERENCE_RED_OD if stain.red_od is None else stain.red_od * stain.ratios())
    mixing = np.eye(3) + rng.normal(0, CROSSTALK * strength, (3, 3))
    if rng.random() < 0.06 * strength:  # a grey or nearly grey camera
        mixing = 0.2 * mixing + 0.8 * np.tile([0.1, 0.6, 0.3], (3, 1))
    far = min(1.0, strength / 0.6)
    dye = np.exp(far * rng.uniform(*np.log(DYE)))
    channels = np.exp(rng.normal(0, (0.5 * strength, 0.2 * strength, 0.3 * strength)))
    bend = np.exp(rng.normal(0, 0.25 * strength))
    glass = 240 - far * (240 - rng.uniform(*GLASS)) + rng.normal(0, 30 * strength, 3)
    black = np.zeros(3)
    if rng.random() < CLIPPED:
        black = np.clip(far * rng.uniform(-0.3 * BLACK, BLACK, 3), 0, 0.4 * glass)
    contrast = (glass / (glass - black)).astype(np.float32)

    def develop(od: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = cv2.transform(od, (mixing * (dye * channels)[:, None]).astype(np.float32))
        curved = np.sign(scaled) * np.abs(scaled) ** np.float32(bend)
        back: NDArray[np.float32] = (glass + OFFSET).astype(np.float32) * np.exp(-curved) - np.float32(OFFSET)
        return (back - black.astype(np.float32)) * contrast

    photographed = _taken(develop(known), rng, strength)
    background = np.clip(glass, 1, 255) * np.exp(rng.normal(0, 0.04 * strength, 3))

    def measured(point: NDArray[np.float64]) -> tuple[float, float, float]:
        shown = np.clip(develop(point.astype(np.float32)[None, None])[0, 0], 0, 255)
        absorbed = -np.log((shown + OFFSET) / (background + OFFSET)) * np.exp(rng.normal(0, 0.2 * strength, 3))
        b, g, r = absorbed.tolist()
        return b, g, r

    b, g, r = np.minimum(background, 255).tolist()
    return photographed, StainCalibration((b, g, r), measured(nucleus), 1, measured(red))


def _taken(light: NDArray[np.float32], rng: Generator, strength: float) -> Image:
    """Camera image of (S, S, 3) float32 light: uneven illumination, noise, eight bits, JPEG."""
    if rng.random() < 0.5:
        light = change_light(light, rng, strength)
    if rng.random() < 0.5:
        light = light + rng.standard_normal(light.shape, np.float32) * np.float32(rng.uniform(0, 6 * strength))
    photographed: Image = np.clip(light, 0, 255).astype(np.uint8)
    if rng.random() < 0.5 * strength:
        photographed = compress(photographed, int(rng.integers(40, 96)))
    return photographed


def _red_weight(rng: Generator) -> float:
    """Weight of the red cells in the stain table of one view; see `STRAIGHT`."""
    chance = rng.random()
    if chance < STRAIGHT:
        return 0.0
    return 1.0 if chance < (1 + STRAIGHT) / 2 else float(rng.random())


def cut_by_rim(picture: Image, rng: Generator) -> Image:
    """The picture at the edge of a round field of view: black beyond an arc that spares the middle."""
    side = picture.shape[0]
    radius, direction = rng.uniform(0.55, 0.9) * side, rng.uniform(0, 2 * np.pi)
    away = radius - rng.uniform(0.3, 0.55) * side
    centre = tuple(round(float(side / 2 - away * part)) for part in (np.cos(direction), np.sin(direction)))
    lit = np.zeros((side, side), np.uint8)
    cv2.circle(lit, centre, round(radius), [255.0], -1)
    rimmed = picture.copy()
    rimmed[lit == 0] = rng.integers(0, 40)
    return rimmed


def change_pose(crop: Image, size: int, rng: Generator, strength: float) -> Image:
    """Any rotation, a flip, a shift and an error of scale; (size, size, 3) from the middle of a larger crop."""
    angle = rng.uniform(0, 2 * np.pi)
    zoom = float(np.exp(rng.uniform(-1, 1) * np.log1p(ZOOM) * min(1.0, strength / 0.6)))
    flip = -1.0 if rng.random() < 0.5 else 1.0
    shift = rng.uniform(-SHIFT, SHIFT, 2) * size
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    turn = np.array([[cos * flip, -sin], [sin * flip, cos]])
    middle_in, middle_out = (crop.shape[0] - 1) / 2, (size - 1) / 2
    offset = middle_out + shift - turn @ np.array([middle_in, middle_in])
    matrix = np.column_stack([turn, offset])
    return cv2.warpAffine(  # type: ignore[return-value]
        crop, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def change_softness(picture: Image, rng: Generator, strength: float) -> Image:
    """Another objective or sensor: defocused, of lower resolution than the crop, or sharpened."""
    choice = rng.random()
    if choice < 0.35 * strength:
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 0.4 + 1.8 * strength))  # type: ignore[return-value]
    if choice < 0.8 * strength:
        side = picture.shape[0]
        low = max(16, int(side * rng.uniform(1 - 0.75 * strength, 1.0)))
        small = cv2.resize(picture, (low, low), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
    if choice < 0.95 * strength:
        soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
        amount = rng.uniform(0, 1.2)
        return cv2.addWeighted(picture, 1 + amount, soft, -amount, 0)  # type: ignore[return-value]
    return picture


def change_light(picture: NDArray[np.float32], rng: Generator, strength: float) -> NDArray[np.float32]:
    """Uneven illumination: a linear gradient across the crop (h, w, 3), a fifth at most for strength 1."""
    side = picture.shape[0]
    direction = rng.uniform(0, 2 * np.pi)
    depth = rng.uniform(0, 0.2 * strength)
    ramp = np.linspace(-0.5, 0.5, side, dtype=np.float32)
    slope = np.cos(direction) * ramp[None] + np.sin(direction) * ramp[:, None]
    return picture * (1 + depth * slope).astype(np.float32)[..., None]  # type: ignore[no-any-return]


def change_hue(picture: Image, rng: Generator, strength: float) -> Image:
    """Shift and stretch of colour: in Lab (a, b) or in hue and saturation."""
    if rng.random() < 0.5:
        lab = cv2.cvtColor(picture, cv2.COLOR_BGR2LAB)
        tables = np.empty((256, 3), np.float32)
        tables[:, 0] = _LEVELS + rng.normal(0, 8 * strength)
        for channel in (1, 2):
            stretch = np.exp(rng.normal(0, 0.18 * strength))
            tables[:, channel] = (_LEVELS - 128) * stretch + 128 + rng.normal(0, 7 * strength)
        lab = cv2.LUT(lab, np.clip(tables, 0, 255).astype(np.uint8)[None])
        return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)  # type: ignore[return-value]
    hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
    hue = np.mod(_LEVELS + rng.normal(0, 7 * strength), 180)
    saturation = np.clip(_LEVELS * np.exp(rng.normal(0, 0.3 * strength)), 0, 255)
    hsv = cv2.LUT(hsv, np.column_stack([hue, saturation, _LEVELS]).astype(np.uint8)[None])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)  # type: ignore[return-value]


def compress(picture: Image, quality: int) -> Image:
    """The picture after JPEG compression of the given quality, 0 to 100."""
    _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)  # type: ignore[return-value]
