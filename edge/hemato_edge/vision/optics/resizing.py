"""Resizing pictures: averaged, or halved exactly so that every processor gives the same result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from hemato_edge.values import Image


def resize_quickly(image: Image, factor: float) -> Image:
    """As `resize`, but halved as often as possible and then interpolated: five times as fast.

    Both steps are exact in integers, so every processor gives the same picture; OpenCV's averaging over uneven steps
    rounds differently on Arm and x86. An odd last row or column is dropped.
    """
    height, width = image.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    while image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]:
        image = halved(image)
    return to_size(image, size)


def halved(image: Image) -> Image:
    """`image` at half its size: exact means of two by two pixels; an odd last row or column is dropped."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def every(image: Image, step: int) -> Image:
    """Each `step`-th pixel, across and down, of `image`, (h, w, 3) uint8, contiguous where it is a copy."""
    height, width = image.shape[:2]
    if step == 1:
        return image
    if height % step or width % step:
        return np.ascontiguousarray(image[::step, ::step])
    size = width // step, height // step
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8)  # several times as fast


def to_size(image: Image, size: tuple[int, int]) -> Image:
    """`image` interpolated to (width, height), exactly."""
    if image.shape[1::-1] == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR_EXACT), np.uint8)


def resize(image: Image, factor: float) -> Image:
    """`image` resized by `factor`: averaged when it shrinks, interpolated when it grows."""
    height, width = image.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if size == (width, height):
        return image
    return np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR), np.uint8
    )
