"""Reading a camera to its end."""

from __future__ import annotations

import numpy as np

from hemato_edge.cameras.camera import Camera, EndOfFrames


def read_all(camera: Camera) -> list[np.ndarray]:
    """Every frame's picture, (h, w, 3) uint8 BGR."""
    images = []
    while True:
        try:
            images.append(camera.read(1).image)
        except EndOfFrames:
            return images
