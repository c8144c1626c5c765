"""From the bytes of a picture file to its pixels: by OpenCV, and HEIC, as phones save it, by an optional package."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.cameras.heic import ADVICE, is_heic
from hemato_edge.errors import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 64_000_000
"""64 megapixels: more than any microscope camera has, and 200 MB once decoded."""


def decoded(content: NDArray[np.uint8], flags: int) -> NDArray[Any] | None:
    """The picture, upright, or None if it cannot be decoded.

    Args:
        content: (n,) uint8, the bytes of the file.
        flags: of `cv2.imdecode`. HEIC always comes with 8 bits, and as (H, W, 3) uint8 BGR unless grey is asked for.

    Raises:
        MissingExtraError: it is HEIC, and pillow-heif is not installed.
        cv2.error: OpenCV refuses it for its size.
    """
    if not is_heic(content[:12].tobytes()):
        return cv2.imdecode(content, flags) if len(content) else None
    picture = _decoded_heic(content.tobytes())
    if picture is None or flags != cv2.IMREAD_GRAYSCALE:
        return picture
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def _decoded_heic(content: bytes) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8 BGR of the primary picture, turned as its file says."""
    try:
        from pillow_heif import open_heif
    except ImportError as error:
        raise MissingExtraError(
            "HEIC pictures need pillow-heif, which is not installed.",
            f"Type `pip install 'hemato-edge[heic]'`. {ADVICE}",
        ) from error
    try:
        image = open_heif(io.BytesIO(content), convert_hdr_to_8bit=True, bgr_mode=True)
        if image.size[0] * image.size[1] > MAX_PIXELS:  # asked before anything is decoded
            return None
        picture = np.asarray(image)
    except (ValueError, RuntimeError, EOFError, OSError):  # what libheif says of damaged and of unknown files
        return None
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    return np.ascontiguousarray(picture[..., :3])
