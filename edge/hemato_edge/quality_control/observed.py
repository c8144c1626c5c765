"""What of a session is followed over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.labels import BY_NAME, LEUKOCYTES, UNCLASSIFIED
from hemato_edge.site.sessions import profile_of
from hemato_edge.store.recorded_settings import number_set

if TYPE_CHECKING:
    from datetime import datetime

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import SessionRecord

_GREEN = 1
"""Of B, G, R: where the stain of nuclei is measured best."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that is measured in each session.

    Attributes:
        name: in JSON and metrics.
        title: in words.
        unit: "" for a ratio.
        digits: shown after the point.
    """

    name: str
    title: str
    unit: str
    digits: int = 1


SIZE_PX = Measure("red_cell_px", "Red-cell size", "px", 2)
SIZE_UM = Measure("red_cell_um", "Red-cell size", "µm", 2)
STAIN = Measure("stain", "Nuclear stain (green absorbance)", "", 3)
LAMP = Measure("lamp", "Lamp (green of bare glass, of 255)", "", 1)
FOCUS = Measure("focus", "Focus", "", 3)
REJECTED = Measure(UNCLASSIFIED, "Unclassified", "%")
SHARES = (REJECTED, *(Measure(label, BY_NAME[label].plural, "%") for label in LEUKOCYTES))
"""Shares of cells; the unclassified of all white cells, the classes of those with a class."""


@dataclass(frozen=True, slots=True)
class Observed:
    """One finished session.

    Attributes:
        session, started, camera: which.
        profile: calibration profile, or None.
        model_sha256: what named the cells.
        red_cell_px: median diameter; None where it was not estimated.
        um_per_px: of the profile, or None.
        stain: absorbance of the nuclei in green, natural logarithm; None where it was not estimated.
        lamp: green of bare glass, 0 to 255; None likewise.
        answers: label → cells, by the machine alone.
        limits: of the quality gate, as set: least brightness and least focus; None where not recorded.
    """

    session: int
    started: datetime
    camera: str
    profile: str | None
    model_sha256: str
    red_cell_px: float | None
    um_per_px: float | None
    stain: float | None
    lamp: float | None
    answers: dict[str, int]
    limits: tuple[float | None, float | None]

    def share(self, label: str) -> tuple[int, int]:
        """Cells of a class, and of how many; see `SHARES`."""
        named = sum(self.answers.get(one, 0) for one in LEUKOCYTES)
        count = self.answers.get(label, 0)
        return count, named + count if label == UNCLASSIFIED else named


def observed(reader: Reader, record: SessionRecord) -> Observed:
    """What a recorded session shows."""
    um_per_px = number_set(record.settings, "calibration.um_per_px")
    limits = (number_set(record.settings, f"quality.{name}") for name in ("min_brightness", "min_focus"))
    brightness, focus = limits
    return Observed(
        session=record.id,
        started=record.started_utc,
        camera=record.camera,
        profile=profile_of(record),
        model_sha256=record.model_sha256,
        red_cell_px=record.red_cell_px,
        um_per_px=um_per_px if um_per_px and um_per_px > 0 else None,
        stain=_green(record, "nucleus_od"),
        lamp=_green(record, "background"),
        answers=reader.answers(record.id),
        limits=(brightness, focus),
    )


def _green(record: SessionRecord, name: str) -> float | None:
    """The green of a recorded stain; None where nothing was measured."""
    stain = record.stain or {}
    found, looks = stain.get(name), stain.get("looks")
    if not isinstance(found, list) or len(found) != 3 or looks == 0:
        return None
    green = found[_GREEN]
    return float(green) if isinstance(green, (int, float)) and not isinstance(green, bool) else None
