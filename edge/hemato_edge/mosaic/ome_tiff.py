"""A canvas as a pyramidal OME-TIFF, which QuPath, Bio-Formats and libvips open.

Full size and halvings lie in one file, in tiles; compressed without loss by zlib, which every reader has. Written by
the library tifffile, tile by tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hemato_edge.about import __version__
from hemato_edge.errors import MissingExtraError
from hemato_edge.output_files import written_aside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

BEGINNING = b"II+\0"
"""Of a BigTIFF on this machine, and on every one that it runs on: least significant byte first."""
TILE_PX = 256
SMALLEST_PX = 256
"""The canvas is halved until its longer side is no larger than this."""


def require_tifffile() -> Any:
    """The library.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError("A mosaic needs the library tifffile.", "pip install 'hemato-edge[mosaic]'") from error
    return tifffile


def write_ome_tiff(canvas: NDArray[np.uint8], path: Path, um_per_px: float | None, name: str) -> None:
    """Write a canvas (h, w, 3) uint8 BGR.

    Args:
        canvas: may be mapped from a file; it is read in strips of tiles.
        path: of the file, written aside and renamed.
        um_per_px: micrometres a pixel of the canvas; None where that is not known.
        name: of the picture, in its metadata.

    Raises:
        MissingExtraError: tifffile is not installed.
        OutputError: the file cannot be written, see `output_files.written_aside`.
    """
    tifffile = require_tifffile()
    levels = [canvas]
    while max(levels[-1].shape[:2]) > SMALLEST_PX:
        levels.append(_halved(levels[-1]))
    metadata: dict[str, Any] = {"axes": "YXS", "Name": name, "Creator": f"hemato-edge {__version__}"}
    if um_per_px is not None:
        metadata |= {"PhysicalSizeX": um_per_px, "PhysicalSizeXUnit": "µm"}
        metadata |= {"PhysicalSizeY": um_per_px, "PhysicalSizeYUnit": "µm"}
    options = {"photometric": "rgb", "tile": (TILE_PX, TILE_PX), "compression": "zlib", "dtype": np.uint8}
    with written_aside(path) as stream, tifffile.TiffWriter(stream, bigtiff=True, ome=True) as file:
        for level, picture in enumerate(levels):
            first = {"subifds": len(levels) - 1, "metadata": metadata} if level == 0 else {"subfiletype": 1}
            file.write(_tiles(picture), shape=picture.shape, **options, **first)


def _tiles(picture: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """The tiles of a level, RGB, row by row; those at the right and lower edge filled up with white."""
    for top in range(0, picture.shape[0], TILE_PX):
        strip = np.asarray(picture[top : top + TILE_PX])
        for left in range(0, picture.shape[1], TILE_PX):
            part = strip[:, left : left + TILE_PX, ::-1]
            tile = np.full((TILE_PX, TILE_PX, 3), 255, np.uint8)
            tile[: part.shape[0], : part.shape[1]] = part
            yield tile


def _halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half the size, strip by strip; a quarter of the level before in memory."""
    height, width = max(1, picture.shape[0] // 2), max(1, picture.shape[1] // 2)
    found = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, TILE_PX):
        rows = min(TILE_PX, height - top)
        strip = np.ascontiguousarray(picture[2 * top : 2 * (top + rows), : 2 * width])
        found[top : top + rows] = cv2.resize(strip, (width, rows), interpolation=cv2.INTER_AREA)
    return found
