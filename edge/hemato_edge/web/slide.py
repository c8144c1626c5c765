"""The map of the slide: the fields that were walked, the way, the cells as points, and where the stage is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.recorded_settings import number_set
from hemato_edge.web.access import Missing
from hemato_edge.web.pages import asked_number, place_of, show

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from hemato_edge.store.records import CellRecord, FieldRecord

MOST_FIELDS = 600
"""Fields that are drawn of a region; of more, some are left out evenly."""
BAR_LENGTHS_UM = (2000, 1000, 500, 200, 100, 50, 20)
_MARGIN_SHARE = 0.04


@dataclass(frozen=True, slots=True)
class Point:
    """One judged cell."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Region:
    """One stretch of unbroken tracking, in pixels of the slide.

    Attributes:
        number: of the region.
        box: x, y, width, height of all that was seen of it, with a margin.
        fields: x, y, width, height of each.
        way: the middles of the fields in the order of recording, as SVG's `points`.
        cells: judged ones.
        counts: label → cells, the most frequent first.
        bar_px, bar_um: length of a scale bar; 0 where the scale is not known.
    """

    number: int
    box: tuple[float, float, float, float]
    fields: tuple[tuple[float, float, int, int], ...]
    way: str
    cells: tuple[Point, ...]
    counts: dict[str, int]
    bar_px: float
    bar_um: int

    @property
    def dot(self) -> float:
        """Radius of a point: it must be seen on a phone."""
        return max(self.box[2] / 110, self.box[3] / 90)


def map_page(request: Request) -> Response:
    """`GET /map`: of the last session, or of `?session=ID`."""
    place = place_of(request)
    try:
        with place.reader() as reader:
            record = reader.session(asked_number(request, "session") or None)
            um_per_px = number_set(record.settings, "calibration.um_per_px")
            regions = regions_of(list(reader.fields(record.id)), list(reader.counted(record.id)), um_per_px)
    except StoreError as error:
        raise Missing(error.message, error.fix) from error
    return show(request, "map.html", session=record, regions=regions)


def regions_of(
    fields: Sequence[FieldRecord], cells: Iterable[CellRecord], um_per_px: float | None = None
) -> list[Region]:
    """The regions of a session, the newest first; none where its fields are files of their own.

    Args:
        fields: in the order of recording.
        cells: those that count.
        um_per_px: micrometres a pixel; None where that is not known.
    """
    by_region: dict[int, list[FieldRecord]] = {}
    for field in fields:
        if field.region is not None:
            by_region.setdefault(field.region, []).append(field)
    points: dict[int | None, list[Point]] = {}
    for cell in cells:
        points.setdefault(cell.region, []).append(Point(cell.x_px, cell.y_px, cell.name))
    return [
        _region(number, walked, points.get(number, []), um_per_px)
        for number, walked in sorted(by_region.items(), reverse=True)
    ]


def _region(number: int, walked: list[FieldRecord], cells: list[Point], um_per_px: float | None) -> Region:
    boxes = [(f.x_px or 0.0, f.y_px or 0.0, f.width, f.height) for f in walked]
    left, top = min(x for x, *_ in boxes), min(y for _, y, *_ in boxes)
    width = max(x + w for x, _, w, _ in boxes) - left
    height = max(y + h for _, y, _, h in boxes) - top
    margin = _MARGIN_SHARE * max(width, height)
    drawn = boxes[:: max(1, -(-len(boxes) // MOST_FIELDS))]
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell.label] = counts.get(cell.label, 0) + 1
    bar_um = 0
    if um_per_px:
        bar_um = next((um for um in BAR_LENGTHS_UM if um / um_per_px <= width / 3), BAR_LENGTHS_UM[-1])
    return Region(
        number=number,
        box=(left - margin, top - margin, width + 2 * margin, height + 2 * margin),
        fields=tuple(drawn),
        way=" ".join(f"{x + w / 2:.0f},{y + h / 2:.0f}" for x, y, w, h in drawn),
        cells=tuple(cells),
        counts=dict(sorted(counts.items(), key=lambda item: -item[1])),
        bar_px=bar_um / um_per_px if um_per_px else 0.0,
        bar_um=bar_um,
    )
