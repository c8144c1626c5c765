"""Fields as a stranger's rig shows them: bars, a round eyepiece, and what is drawn over the picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Obstruction = Callable[[np.ndarray, int], np.ndarray]
"""A field (H, W, 3) uint8 BGR and the number of its frame → the frame that comes out of the rig."""


def bars(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int] = (0, 0, 0), noise: float = 0.0, quality: int = 0
) -> Obstruction:
    """Bars of so many pixels at the top, bottom, left and right; noisy, or through a JPEG of that quality."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole = cv2.copyMakeBorder(field, *sides, cv2.BORDER_CONSTANT, value=colour)
        if noise:
            bar = np.ones(whole.shape[:2], bool)
            bar[sides[0] : len(whole) - sides[1], sides[2] : whole.shape[1] - sides[3]] = False
            shaken = whole + np.random.default_rng(number).normal(0, noise, whole.shape) * bar[..., None]
            whole = np.clip(shaken, 0, 255).astype(np.uint8)
        if quality:
            whole = cv2.imdecode(cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        return whole

    return obstruct


def disc(shape: tuple[int, ...], middle: tuple[float, float], radius: float) -> np.ndarray:
    """(H, W) bool: a circle, its middle and radius in shares of width, height and the shorter side."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(x - middle[0] * shape[1], y - middle[1] * shape[0]) <= radius * min(shape[:2])


def eyepiece(
    middle: tuple[float, float] = (0.5, 0.5),
    radius: float = 0.47,
    colour: tuple[int, int, int] = (8, 8, 8),
    soft: float = 4.0,
) -> Obstruction:
    """A round field."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        light = disc(field.shape, middle, radius).astype(np.float32)
        light = (cv2.GaussianBlur(light, (0, 0), soft) if soft else light)[..., None]
        return (field * light + np.array(colour, np.float32) * (1 - light)).astype(np.uint8)

    return obstruct


def stripe(row: int, height: int, colour: tuple[int, int, int]) -> Obstruction:
    """A stripe from side to side."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole = field.copy()
        whole[row : row + height] = colour
        return whole

    return obstruct


def scale_bar(colour: tuple[int, int, int]) -> Obstruction:
    """A scale bar with its length."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole, (height, width) = field.copy(), field.shape[:2]
        cv2.rectangle(whole, (width - 150, height - 32), (width - 40, height - 25), colour, -1)
        cv2.putText(whole, "20 um", (width - 130, height - 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2, cv2.LINE_AA)
        return whole

    return obstruct


def reticle(thickness: int = 2) -> Obstruction:
    """A cross with ticks."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole, (height, width) = field.copy(), field.shape[:2]
        cv2.line(whole, (0, height // 2), (width, height // 2), (0, 0, 0), thickness)
        cv2.line(whole, (width // 2, 0), (width // 2, height), (0, 0, 0), thickness)
        for x in range(0, width, 32):
            cv2.line(whole, (x, height // 2 - 6), (x, height // 2 + 6), (0, 0, 0), 1)
        return whole

    return obstruct


def clock(colour: tuple[int, int, int] = (255, 255, 255), box: bool = False) -> Obstruction:
    """A date with seconds that run."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole = field.copy()
        if box:
            cv2.rectangle(whole, (4, 4), (300, 36), (0, 0, 0), -1)
        text = f"2026-11-28 14:{number // 60 % 60:02d}:{number % 60:02d}"
        cv2.putText(whole, text, (10, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2, cv2.LINE_AA)
        return whole

    return obstruct


def dust(spots: int = 8, depth: float = 0.55) -> Obstruction:
    """Soft dark spots on the sensor."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        chance, light = np.random.default_rng(3), np.ones(field.shape[:2], np.float32)
        for _ in range(spots):
            spot = np.zeros(light.shape, np.float32)
            at = int(chance.integers(20, light.shape[1] - 20)), int(chance.integers(20, light.shape[0] - 20))
            cv2.circle(spot, at, int(chance.integers(6, 16)), 1.0, -1)
            light -= depth * cv2.GaussianBlur(spot, (0, 0), 2.5)
        return (field * np.clip(light, 0.2, 1)[..., None]).astype(np.uint8)

    return obstruct


def vignette(fall: float) -> Obstruction:
    """A lamp that falls off towards the corners, by that share."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        height, width = field.shape[:2]
        y, x = np.mgrid[:height, :width]
        off = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / ((width / 2) ** 2 + (height / 2) ** 2)
        return (field * (1 - fall * off)[..., None]).astype(np.uint8)

    return obstruct
