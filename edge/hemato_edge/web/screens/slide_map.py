"""The map of the slide: the fields that were walked, the way, the cells as points, and where the stage is now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.recorded_settings import number_set
from hemato_edge.views.report.formats.charts import MAX_CELLS, MAX_REGIONS
from hemato_edge.web.pages import query_number, render_page, services_of
from hemato_edge.web.security.access import Missing

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import Footprint, Place, SessionRecord

MOST_FIELDS = 600
"""Fields that are drawn of a region; of more, some are left out evenly."""
BAR_LENGTHS_UM = (2000, 1000, 500, 200, 100, 50, 20)
_MARGIN_SHARE = 0.04


@dataclass(frozen=True, slots=True)
class Region:
    """One stretch of unbroken tracking, in pixels of the slide.

    Attributes:
        number: of the region.
        box: x, y, width, height of all that was seen of it, with a margin.
        walked: how many fields it has.
        fields: x, y, width, height of those that are drawn.
        way: the middles of the fields in the order of recording, as SVG's `points`.
        cells: those that are drawn: the first, and each `every`-th after it.
        every: see there.
        counts: label → all cells that count, the most frequent first.
        bar_px, bar_um: length of a scale bar; 0 where the scale is not known.
    """

    number: int
    box: tuple[float, float, float, float]
    walked: int
    fields: tuple[tuple[float, float, int, int], ...]
    way: str
    cells: tuple[Place, ...]
    every: int
    counts: dict[str, int]
    bar_px: float
    bar_um: int

    @property
    def dot(self) -> float:
        """Radius of a point: it must be seen on a phone."""
        return max(self.box[2] / 110, self.box[3] / 90)


class _Walk:
    """The fields of one region: all are measured, some are kept, evenly."""

    def __init__(self, number: int) -> None:
        self.number, self.walked, self._every = number, 0, 1
        self.left = self.top = math.inf
        self.right = self.bottom = -math.inf
        self._kept: list[tuple[float, float, int, int]] = []
        self._last = (0.0, 0.0, 0, 0)

    def add(self, field: Footprint) -> None:
        """The next one."""
        _, x, y, width, height = field
        self.left, self.top = min(self.left, x), min(self.top, y)
        self.right, self.bottom = max(self.right, x + width), max(self.bottom, y + height)
        self._last = (x, y, width, height)
        if self.walked % self._every == 0:
            self._kept.append(self._last)
            if len(self._kept) > 2 * MOST_FIELDS:
                self._kept, self._every = self._kept[::2], 2 * self._every
        self.walked += 1

    def drawn(self) -> list[tuple[float, float, int, int]]:
        """At most `MOST_FIELDS` of them, the last one last."""
        kept = self._kept[:: max(1, -(-len(self._kept) // (MOST_FIELDS - 1)))]
        return kept if kept[-1] == self._last else [*kept, self._last]


def map_page(request: Request) -> Response:
    """`GET /map`: of the last session, or of `?session=ID`."""
    services = services_of(request)
    try:
        with services.reader() as reader:
            record = reader.session(query_number(request, "session") or None)
            regions, left_out = regions_of(reader, record)
    except StoreError as error:
        raise Missing(error.message, error.fix) from error
    return render_page(request, "map.html", session=record, regions=regions, left_out=left_out)


def regions_of(reader: Reader, session: SessionRecord) -> tuple[list[Region], int]:
    """The regions of a session, the newest first, and how many are left out; none of fields that are files.

    Of many regions the newest and the largest are drawn, `MAX_REGIONS` in all. What is drawn is bounded, however long
    the session: some of its fields, and some of its cells.
    """
    um_per_px = number_set(session.settings, "calibration.um_per_px")
    walks: dict[int, _Walk] = {}
    for field in reader.footprints(session.id):
        if field.region not in walks:
            walks[field.region] = _Walk(field.region)
        walks[field.region].add(field)
    newest = max(walks, default=0)
    chosen = sorted(walks.values(), key=lambda walk: (walk.number != newest, -walk.walked))[:MAX_REGIONS]
    counts = reader.labels_per_region(session.id)
    drawn = []
    for walk in sorted(chosen, key=lambda walk: -walk.number):
        own = counts.get(walk.number, {})
        every = max(1, -(-sum(own.values()) // MAX_CELLS))
        cells = tuple(reader.places(session.id, walk.number, every))
        drawn.append(_region(walk, cells, own, every, um_per_px))
    return drawn, len(walks) - len(drawn)


def _region(
    walk: _Walk, cells: tuple[Place, ...], counts: dict[str, int], every: int, um_per_px: float | None
) -> Region:
    width, height = walk.right - walk.left, walk.bottom - walk.top
    margin, drawn, bar_um = _MARGIN_SHARE * max(width, height), walk.drawn(), 0
    if um_per_px:
        bar_um = next((um for um in BAR_LENGTHS_UM if um / um_per_px <= width / 3), BAR_LENGTHS_UM[-1])
    return Region(
        number=walk.number,
        box=(walk.left - margin, walk.top - margin, width + 2 * margin, height + 2 * margin),
        walked=walk.walked,
        fields=tuple(drawn),
        way=" ".join(f"{x + w / 2:.0f},{y + h / 2:.0f}" for x, y, w, h in drawn),
        cells=cells,
        every=every,
        counts=counts,
        bar_px=bar_um / um_per_px if um_per_px else 0.0,
        bar_um=bar_um,
    )
