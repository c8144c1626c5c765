from __future__ import annotations

import json

import numpy as np

from hemato_edge.labels import CELL_CLASSES
from hemato_edge.mosaic.canvas import Plan
from hemato_edge.mosaic.collector import MosaicCell
from hemato_edge.mosaic.geojson import cells_as_geojson


def test_cells_lie_where_they_are_painted_with_their_class() -> None:
    cells = [
        MosaicCell(7, "eosinophil", 0.97, 0, 130.0, 90.0, 40.0),
        MosaicCell(8, "unclassified", 0.4, 0, 30.0, 40.0, 20.0),
    ]
    found = json.loads(json.dumps(cells_as_geojson(cells, Plan(30.0, 40.0, 500, 400, 0.5))))
    assert found["type"] == "FeatureCollection"
    first, second = found["features"]
    ring = np.array(first["geometry"]["coordinates"][0])
    assert np.array_equal(ring[0], ring[-1])  # closed, as RFC 7946 asks
    assert np.allclose(ring[:-1].mean(axis=0), (50, 25), atol=0.1)
    assert np.allclose(np.hypot(*(ring - (50, 25)).T), 10, atol=0.1)
    assert first["properties"]["objectType"] == "detection"
    kind = first["properties"]["classification"]
    colour = next(one.colour for one in CELL_CLASSES if one.name == "eosinophil")
    assert kind["name"] == "eosinophil"
    assert bytes(kind["color"]).hex() == colour.lower().lstrip("#")
    assert second["properties"]["classification"] == {"name": "unclassified", "color": [128, 128, 128]}
    assert first["properties"]["measurements"]["confidence"] == 0.97
