"""The mosaic of `hemato-edge run --mosaic`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.mosaic.collector import MosaicCollector
    from hemato_edge.pipeline.calibrated import SessionCalibration
    from hemato_edge.pipeline.field import FieldAnalyzer


class Mosaic:
    """Collects while a session counts, and writes at its end; nothing of either without a file.

    Args:
        path: of the mosaic; None for none.
        calibration: of the microscope, for the size of a pixel; None without one.

    Raises:
        OutputError: it cannot be written there.
        MissingExtraError: the library is not installed.
    """

    def __init__(self, path: Path | None, calibration: SessionCalibration | None) -> None:
        from hemato_edge.mosaic.ome_tiff import require_tifffile
        from hemato_edge.mosaic.writing import check_mosaic_path

        self._path = path if path is None else check_mosaic_path(path)
        scale = None if calibration is None else calibration.profile.scale
        self._um_per_px = None if scale is None else scale.um_per_px
        self._collector: MosaicCollector | None = None
        if path is not None:
            require_tifffile()

    def following(self, analyzer: FieldAnalyzer) -> FieldAnalyzer:
        """The analyser, with the collector told of its frames."""
        if self._path is not None:
            from hemato_edge.mosaic.collector import MosaicCollector
            from hemato_edge.mosaic.writing import pictures_folder

            self._collector = analyzer.follower = MosaicCollector(pictures_folder(self._path))
        return analyzer

    def write(self) -> None:
        """Write the files and say so on stderr.

        Raises:
            OutputError: one cannot be written.
        """
        if self._path is None or self._collector is None:
            return
        from hemato_edge.mosaic.writing import write_mosaic

        if not self._collector.frames:
            typer.echo("No mosaic: no place on the slide was seen by a moving camera.", err=True)
            return
        typer.echo(f"Writing the mosaic of {len(self._collector.frames)} pictures …", err=True)
        for one in write_mosaic(self._collector, self._path, self._um_per_px):
            shrunk = "" if one.scale == 1 else f", shrunk to {100 * one.scale:.0f} %"
            typer.echo(
                f"{one.path}: {one.width} × {one.height} pixels{shrunk}, {one.frames} pictures, {one.cells} cells",
                err=True,
            )
        if self._collector.left_out:
            typer.echo(f"{self._collector.left_out} frames of further places did not fit and are left out.", err=True)
