"""Drawn data and one tiny run, shared by the tests of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from training.drawn_blood import draw_data

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data(tmp_path_factory.mktemp("data"))
