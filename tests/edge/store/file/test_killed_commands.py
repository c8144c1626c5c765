"""A copy, a restoration, pruning and a deletion, killed at any of their writes, syncs and renames: nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from preloading import failing_disk
from recorded import record

from hemato_edge.store.file.backup import back_up


@pytest.mark.parametrize("command", ["backup", "restore", "prune", "delete"])
@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_every_state_can_be_gone_on_with(command: str, every: int, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "x.db"
    record(path, ["neutrophil", "monocyte"] * 4, pictures=True)
    back_up(path, folder / "earlier-x.db")
    record(path, ["lymphocyte"] * 3, pictures=True)
    places = os.pathsep.join((str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_commands.py")), command, str(path), str(every)],
        env={
            **os.environ,
            "PYTHONPATH": places,
            "LD_PRELOAD": str(failing_disk(tmp_path)),
            "EIO_FILE": path.name,
            "STATE_DIRECTORY": str(tmp_path / "state"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in tried if one[1] != "right"] == []
    assert len(tried) > 20 / every
