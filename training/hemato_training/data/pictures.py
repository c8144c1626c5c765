"""Reading the pictures of data sets uniformly: in colour, and upright."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.picture_decoding import decoded
from hemato_edge.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.values import Image


def read_picture(path: Path) -> Image:
    """The picture at `path`, (H, W, 3) uint8 BGR, rotated by its EXIF orientation.

    Raises:
        DataError: it cannot be read.
    """
    try:
        image = decoded(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise DataError(f"The picture {path} cannot be read.", "Get the data set again.")
    return image


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, as from `read_picture`.

    Raises:
        DataError: the picture cannot be read.
    """
    height, width = read_picture(path).shape[:2]
    return width, height
