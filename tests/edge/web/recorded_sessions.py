"""A store with known content for the tests of the page."""

from __future__ import annotations

from pathlib import Path

from recorded import record

FIRST = ["neutrophil"] * 12 + ["lymphocyte"] * 5 + ["monocyte"] * 2 + ["eosinophil", "unclassified", "erythroblast"]
SECOND = ["neutrophil"] * 30 + ["lymphocyte"] * 20 + ["basophil", "unclassified", "unclassified", "platelet"]


def recorded(path: Path) -> None:
    """Two finished sessions, with pictures."""
    record(path, FIRST, pictures=True, label="tube 1")
    record(path, SECOND, pictures=True, label="tube <2> & co")
