"""The cells of a mosaic as GeoJSON that QuPath imports as detections with a class.

Positions are in pixels of the mosaic, as QuPath's own exports have them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hemato_edge.labels import CELL_CLASSES
from hemato_edge.output_marks import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hemato_edge.mosaic.canvas import Plan
    from hemato_edge.mosaic.collector import MosaicCell

_CORNERS = 24
_GREY = (128, 128, 128)


def cells_as_geojson(cells: Iterable[MosaicCell], plan: Plan) -> dict[str, object]:
    """A FeatureCollection (RFC 7946) with a circle a cell, and `program` as a foreign member; JSON's types.

    Args:
        cells: of the region.
        plan: of its canvas.
    """
    return {"type": "FeatureCollection", "program": PROGRAM, "features": [_feature(cell, plan) for cell in cells]}


def _feature(cell: MosaicCell, plan: Plan) -> dict[str, object]:
    x, y = plan.place(cell.x, cell.y)
    radius = plan.scale * cell.diameter / 2
    turns = [2 * math.pi * corner / _CORNERS for corner in range(_CORNERS)]
    ring = [[round(x + radius * math.cos(t), 2), round(y + radius * math.sin(t), 2)] for t in turns]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "properties": {
            "objectType": "detection",
            "classification": {"name": cell.label, "color": list(_colour(cell.label))},
            "name": str(cell.number),
            "measurements": {"confidence": round(cell.confidence, 4), "diameter px": round(cell.diameter, 2)},
        },
    }


def _colour(label: str) -> tuple[int, int, int]:
    """The class's colour, red, green and blue; grey for "unclassified"."""
    for one in CELL_CLASSES:
        if one.name == label:
            code = one.colour.lstrip("#")
            return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)
    return _GREY
