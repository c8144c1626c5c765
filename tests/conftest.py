"""Fixtures that several rooms of the test house share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development images, which are not part of the project: tests that need them skip without."""
    folder = Path(os.environ.get("HEMATO_EDGE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (folder / "bccd" / "index.csv").exists():
        pytest.skip(f"no development data at {folder} (set HEMATO_EDGE_DATA)")
    return folder
