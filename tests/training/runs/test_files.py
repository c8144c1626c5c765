"""A run's folder is new, or holds nothing that the run would replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hemato_edge.errors import DataError
from hemato_training.runs.files import RUN_FILE, check_new_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["model.keras", "metrics.json", "confusion_pbc.png"])
def test_files_that_no_run_wrote_are_never_replaced(tmp_path: Path, name: str) -> None:
    check_new_run(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("beside a run there may be anything")
    check_new_run(tmp_path)
    (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match=f"{name} would be replaced"):
        check_new_run(tmp_path)
    (tmp_path / RUN_FILE).write_text("{}")
    with pytest.raises(DataError, match="already holds a run") as caught:
        check_new_run(tmp_path, "Say --resume.")
    assert caught.value.fix == "Say --resume."
