"""Writes what a collector has kept: for each region one OME-TIFF, and its cells as GeoJSON beside it."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.mosaic.canvas import paint, plan_of
from hemato_edge.mosaic.geojson import cells_as_geojson
from hemato_edge.mosaic.ome_tiff import BEGINNING, write_ome_tiff
from hemato_edge.output_files import OutputError, check_replaceable, write_aside

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.mosaic.canvas import Plan
    from hemato_edge.mosaic.collector import KeptFrame, MosaicCollector

SUFFIXES = (".ome.tif", ".ome.tiff")
_KEPT = re.compile(r"\d{5,}\.(jpg|part)")
"""Names of the pictures of a collector."""
LEAST_FRAMES = 2
"""A region of fewer pictures gets no file, unless it is the only one."""


@dataclass(frozen=True, slots=True)
class WrittenMosaic:
    """One file.

    Attributes:
        path: of the picture; the cells lie beside it, with the suffix `.geojson`.
        width, height: pixels.
        frames, cells: how many it holds.
        scale: its pixels a pixel of the camera.
    """

    path: Path
    width: int
    height: int
    frames: int
    cells: int
    scale: float


def check_mosaic_path(path: Path) -> Path:
    """The path, if a mosaic can be written there.

    Raises:
        OutputError: its suffix is another one, its folder does not exist, or a file there is somebody else's.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise OutputError(f"{path} does not end with .ome.tif, which is what a mosaic is.", "Name it slide.ome.tif.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder {path.parent}.", "Make it first, or name another.")
    check_replaceable(path, BEGINNING)
    check_replaceable(_cells_path(path), b"{")
    pictures = pictures_folder(path)
    if pictures.is_dir() and any(not _KEPT.fullmatch(one.name) for one in pictures.iterdir()):
        raise OutputError(f"{pictures} holds files that are no pictures of a mosaic.", "Name another file.")
    return path


def pictures_folder(path: Path) -> Path:
    """The folder, beside the file, that holds the pictures while a session counts."""
    return path.with_name(f"{path.name}.pictures")


def write_mosaic(
    collector: MosaicCollector,
    path: Path,
    um_per_px: float | None = None,
    step: Callable[[], None] = lambda: None,
) -> list[WrittenMosaic]:
    """Write the mosaic of a session, the region with the most pictures first, and remove the pictures.

    Args:
        collector: after the session.
        path: of the first file; the others get `-2`, `-3` … before the suffix.
        um_per_px: micrometres a pixel of the camera; None where that is not known.
        step: called after each painted picture.

    Raises:
        MissingExtraError: tifffile is not installed.
        OutputError: a file cannot be written, or the disk has no room for the canvas.
    """
    regions: dict[int, list[KeptFrame]] = {}
    for frame in collector.frames:
        regions.setdefault(frame.region, []).append(frame)
    ordered = sorted(regions.items(), key=lambda item: (-len(item[1]), item[0]))
    written = []
    for place, (region, frames) in enumerate(ordered):
        if place and len(frames) < LEAST_FRAMES:
            break
        target = path if not place else _numbered(path, place + 1)
        cells = [cell for cell in collector.cells if cell.region == region]
        plan = plan_of(frames)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".mosaic-") as folder:
            _check_room(plan, path)
            canvas = paint(frames, plan, Path(folder) / "canvas", step)
            um = None if um_per_px is None else um_per_px / plan.scale
            write_ome_tiff(canvas, target, um, target.name)
            del canvas
        write_aside(_cells_path(target), json.dumps(cells_as_geojson(cells, plan)).encode())
        written.append(WrittenMosaic(target, plan.width, plan.height, len(frames), len(cells), plan.scale))
    shutil.rmtree(pictures_folder(path), ignore_errors=True)
    return written


def _split(path: Path) -> tuple[str, str]:
    """The name before its suffix, and the suffix."""
    at = len(path.name) - next(len(one) for one in SUFFIXES if path.name.lower().endswith(one))
    return path.name[:at], path.name[at:]


def _numbered(path: Path, number: int) -> Path:
    name, suffix = _split(path)
    return path.with_name(f"{name}-{number}{suffix}")


def _cells_path(path: Path) -> Path:
    return path.with_name(f"{_split(path)[0]}.geojson")


def _check_room(plan: Plan, path: Path) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < 2 * plan.canvas_bytes:
        raise OutputError(
            f"The mosaic of {plan.width} × {plan.height} pixels needs {2 * plan.canvas_bytes / 1e6:.0f} MB while it is "
            f"written; {free / 1e6:.0f} MB are free.",
            f"Its pictures are in {pictures_folder(path)}. Next time name a larger disk with --mosaic.",
        )
