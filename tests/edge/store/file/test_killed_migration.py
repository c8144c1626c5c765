"""A migration that is killed at any of its writes, syncs and renames can be gone on with, whatever became of the log.

Where the log was lost or cut short, the file may be torn: it is then told as damaged, and the copy from before the
migration holds every count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from old_databases import make_old
from preloading import failing_disk

LABELS = ["neutrophil", "lymphocyte", "unclassified"] * 4


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("every", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_every_state_can_be_gone_on_with(version: int, every: int, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    make_old(old, version, LABELS, sessions=3)
    places = os.pathsep.join((str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("killed_migrations.py")), str(old), str(every)],
        env={**os.environ, "PYTHONPATH": places, "LD_PRELOAD": str(failing_disk(tmp_path)), "EIO_FILE": old.name},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tried = [json.loads(line) for line in done.stdout.splitlines()]
    outcomes = Counter(outcome for _, _, outcome in tried)
    assert set(outcomes) <= {"right", "told"}, [one for one in tried if one[2] not in ("right", "told")]
    assert max(step for step, _, _ in tried) > 50
    assert {name for _, name, outcome in tried if outcome == "told"} <= {
        *("no log", "neither", "log cut to 0", "log cut to half", "log cut at its end")
    }
    assert outcomes["right"] > 0.9 * len(tried)
