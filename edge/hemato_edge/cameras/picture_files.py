"""Reading a picture from a file, with a reason if it cannot be analysed."""

from __future__ import annotations

import filecmp
import functools
import logging
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.cameras.picture_damage import damage_of
from hemato_edge.cameras.picture_decoding import MAX_PIXELS, decoded
from hemato_edge.cameras.picture_impostors import impostor
from hemato_edge.cameras.picture_tiff import tiff_pages
from hemato_edge.errors import DamagedImageError, ImageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Image

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif"})
MIN_SIDE_PX = 48
"""Below this cells cannot be distinguished: a white cell would have some ten pixels."""
_GREY_SPREAD = 3.0
"""Mean difference of the channels, in levels, below which a picture has no stain. JPEG noise alone stays below 2."""
_BLACK_LEVEL = 20.0
_MOST_CHANNELS = 4
"""Channels that a picture has at most: red, green, blue, and how opaque it is."""
_DEPTHS = (8, 10, 12, 14, 16)
_log = logging.getLogger(__name__)


def read_picture(path: Path, *, colour: bool = True) -> Image:
    """The picture in a file as (H, W, 3) uint8 BGR, rotated by its EXIF orientation; see `check_picture`.

    Raises:
        DamagedImageError: if its data are damaged or cut off.
        ImageError: if there is no such file, or it is not a picture, or it is grey, tiny or huge.
        MissingExtraError: if it is HEIC, and the package for that is not installed.
    """
    return _picture_in(path, _content_of(path), colour=colour)


def _picture_in(path: Path, content: NDArray[np.uint8], *, colour: bool) -> Image:
    try:
        picture = decoded(content, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise ImageError(
            f"{path} cannot be decoded (over {MAX_PIXELS // 1_000_000} megapixels, or damaged).",
            "Cut it into fields of view, or save it again.",
        ) from error
    if picture is None:
        other = impostor(content[:512].tobytes())
        if other is not None:
            raise ImageError(f"{path} is {other[0]}.", other[1])
        raise ImageError(
            f"{path} is not a picture, or it is damaged.", "Open it in a viewer and save it as PNG or JPEG."
        )
    return check_picture(picture, str(path), colour=colour)


def read_pages(path: Path, *, colour: bool = True) -> list[Image]:
    """All fields of a file: each page of a TIFF or OME-TIFF is one; other files have one.

    A page that its directory calls a smaller copy of another one (a thumbnail, a level of a pyramid) or a mask is
    left out.

    Raises:
        ImageError: see `read_picture`.
        DamagedImageError: also if not all pages can be decoded.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        return [read_picture(path, colour=colour)]
    content = _content_of(path)
    fields = tiff_pages(content.data) or []
    if len(fields) < 2:
        return [_picture_in(path, content, colour=colour)]
    try:
        good, pages = cv2.imdecodemulti(content, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error:
        good, pages = False, ()
    if not good or len(pages) != len(fields) or not all(page.any() for page in pages):  # OpenCV blackens what is lost
        _picture_in(path, content, colour=colour)  # where not even the first page can be read, that is told
        raise DamagedImageError(
            f"{path} has {len(fields)} pages, of which not all can be decoded.",
            "Copy it again from where it was taken, or save each page as a picture of its own.",
        )
    if not any(fields):
        fields = [True] * len(fields)
    if not all(fields):
        _log.info("%s: %d pages are smaller copies or masks of others: left out", path, fields.count(False))
    named = [(page, f"{path}[{i + 1}]") for i, page in enumerate(pages) if fields[i]]
    if colour and 1 < len(named) <= _MOST_CHANNELS and all(_is_grey(page) for page, _ in named):
        raise ImageError(
            f"{path} has {len(named)} grey pages, as where each channel of one picture is a page of its own.",
            "Save it as one RGB picture; in ImageJ: Image > Type > RGB Color, then File > Save As > PNG.",
        )
    return [check_picture(page, str(path) if len(named) == 1 else name, colour=colour) for page, name in named]


class CopyFinder:
    """Finds files with the same bytes among those it is asked about in turn: one field saved twice is one field."""

    def __init__(self) -> None:
        self._by_size: dict[int, list[Path]] = {}

    def earlier(self, path: Path) -> Path | None:
        """The first file with the same bytes, if there was one. Files are read only where another has their size."""
        try:
            alike = self._by_size.setdefault(path.stat().st_size, [])
            first = next((one for one in alike if filecmp.cmp(one, path, shallow=False)), None)
        except OSError:  # the file that is read next, or was read before: told there
            return None
        if first is None:
            alike.append(path)
        return first


def _content_of(path: Path) -> NDArray[np.uint8]:
    """(n,) uint8: the bytes of a file.

    Looked at before OpenCV sees them: 4.11 makes room for what a PNG's chunk says, up to 2 GB, before it reads.

    Raises:
        ImageError: it is unreadable, or a pipe or device without an end.
        DamagedImageError: its data are damaged or cut off.
    """
    content = _bytes_of(path)
    damage = damage_of(content.tobytes())
    if damage is not None:
        raise DamagedImageError(
            f"{path} is damaged: {damage}. A part of the picture is lost or wrong.",
            "Copy it again from where it was taken.",
        )
    return content


def _bytes_of(path: Path) -> NDArray[np.uint8]:
    try:
        if not (path.is_file() or path.is_dir()) and path.exists():
            raise ImageError(f"{path} is a pipe or a device, not a file.", "Save the picture to a file, and name that.")
        return np.fromfile(path, np.uint8)
    except FileNotFoundError as error:
        raise ImageError(f"There is no picture {path}.", "Check the path.") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path} is a folder.", f"Name the pictures in it: {path}/*.jpg") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}).", "Check its permissions.") from error


def check_picture(picture: NDArray[Any], name: str, *, colour: bool = True) -> Image:
    """The picture as (H, W, 3) uint8 BGR, without its alpha channel.

    Args:
        picture: from a decoder: any depth and number of channels.
        name: its name in errors.
        colour: refuse grey pictures; False for bare glass or a micrometer, which have no stain.

    Raises:
        ImageError: it is grey, tiny, huge, or of an unsupported bit depth.
    """
    height, width = picture.shape[:2]
    if picture.dtype == np.uint16:
        picture = _to_8_bits(picture, name)
    if picture.dtype != np.uint8:
        raise ImageError(
            f"{name} has {picture.dtype.itemsize * 8} bits a channel; only 8 and 16 can be read.",
            "Save it with 8 bits a channel, for instance `magick IN -depth 8 OUT.png`.",
        )
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width * height / 1e6:.0f} megapixels; the most is {MAX_PIXELS // 1_000_000}.",
            "Cut it into fields of view.",
        )
    if min(height, width) < MIN_SIDE_PX:
        raise ImageError(
            f"{name} is {width}×{height} pixels; the least is {MIN_SIDE_PX}×{MIN_SIDE_PX}.",
            "Take the picture with more magnification or resolution.",
        )
    if picture.ndim == 3 and picture.shape[2] == 4:
        picture = picture[:, :, :3]
    if not colour and (picture.ndim == 2 or picture.shape[2] == 1):
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.ndim != 3 or picture.shape[2] != 3 or (colour and _is_grey(picture)):
        raise ImageError(
            f"{name} is grey: without colour there is no stain to judge.",
            "Take a colour picture of a stained smear; check that the camera is not set to monochrome.",
        )
    return np.ascontiguousarray(picture)


def _to_8_bits(picture: NDArray[np.uint16], name: str) -> Image:
    """A picture of 10, 12, 14 or 16 bits reduced to 8, by the smallest of these depths that holds it."""
    brightest = int(picture.max())
    bits = next(depth for depth in _DEPTHS if brightest < 1 << depth)
    _log.info("%s has %d bits a channel in use: reduced to 8", name, bits)
    _say_reduced(bits)
    scaled: Image = np.rint(picture * (255.0 / ((1 << bits) - 1))).astype(np.uint8)
    return scaled


@functools.cache
def _say_reduced(bits: int) -> None:
    """Say once how pictures of so many bits are read; each of a folder would be said a thousand times."""
    _log.warning("pictures with %d bits a channel in use are read with 8, scaled by that range", bits)


def _is_grey(picture: NDArray[Any]) -> bool:
    """Whether the channels are equal; a black picture has no colour either, but is left to the quality gate."""
    thinned = picture[:: max(1, picture.shape[0] // 128), :: max(1, picture.shape[1] // 128)].astype(np.int16)
    spread = float((thinned.max(axis=2) - thinned.min(axis=2)).mean())
    return spread < _GREY_SPREAD and float(thinned.mean()) > _BLACK_LEVEL
