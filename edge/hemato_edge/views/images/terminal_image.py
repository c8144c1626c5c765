"""A cell drawn with characters, for a terminal without pictures."""

from __future__ import annotations

import cv2
import numpy as np
from rich.text import Text

COLUMNS = 44
"""Width of a preview in characters; each is half as wide as high and shows two points above each other."""
_SHOWN_SHARE = 0.7
"""Share of the portrait that is shown: the cell and its near neighbours."""


def cell_preview(jpeg: bytes, columns: int = COLUMNS) -> Text:
    """The picture as coloured half blocks; rich brings the colours down to what the terminal has.

    Args:
        jpeg: a stored portrait.
        columns: width in characters.
    """
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    drawn = Text()
    if image is None:
        return drawn
    cut = round(image.shape[0] * (1 - _SHOWN_SHARE) / 2)
    side = columns - columns % 2
    middle = image[cut : image.shape[0] - cut, cut : image.shape[1] - cut]
    small = cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA)
    for upper, lower in zip(small[0::2], small[1::2], strict=True):
        for above, below in zip(upper, lower, strict=True):
            drawn.append("▀", f"{_hex(above)} on {_hex(below)}")
        drawn.append("\n")
    return drawn


def _hex(bgr: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> str:
    return "#{2:02x}{1:02x}{0:02x}".format(*(int(value) for value in bgr))
