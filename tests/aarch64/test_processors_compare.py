"""The comparison of two machines' answers must see a difference; the emulated machine itself is `make test-aarch64`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

COMPARE = Path(__file__).with_name("compare.py")


def written(folder: Path, name: str, **changes: Any) -> Path:
    """Answers of a machine to one picture of a cell and one field, changed as told."""
    cell = {"kind": "rbc", "box": [10.0, 10.0, 50.0, 50.0], "score": 0.9}
    told = {
        "machine": name,
        "python": "3.11",
        "versions": {},
        "tolerance": 0.2,
        "cells": {"cell.png": {"label": "monocyte", "confidence": 0.9}},
        "fields": {"field.png": {"cells": [cell] * 30}},
        "sums": {"cell.png": 7},
    } | {key: value for key, value in changes.items() if key != "logits"}
    (folder / f"{name}.json").write_text(json.dumps(told))
    ones = np.ones((2, 8), np.float32)
    np.savez(folder / f"{name}.npz", logits=ones * changes.get("logits", 1.0), heat=ones, boxes=ones)
    return folder / name


def compared(one: Path, other: Path) -> tuple[int, str]:
    """Exit code and the last line."""
    done = subprocess.run([sys.executable, COMPARE, one, other], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip().splitlines()[-1]


def test_equal_answers_are_the_same(tmp_path: Path) -> None:
    assert compared(written(tmp_path, "x"), written(tmp_path, "y")) == (0, "the same answers")


def test_a_faint_cell_that_one_alone_finds_is_a_difference(tmp_path: Path) -> None:
    cell = {"kind": "rbc", "box": [10.0, 10.0, 50.0, 50.0], "score": 0.9}
    faint = {"kind": "rbc", "box": [90.0, 90.0, 120.0, 120.0], "score": 0.45}
    more = written(tmp_path, "y", fields={"field.png": {"cells": [cell] * 30 + [faint]}})
    assert compared(written(tmp_path, "x"), more) == (1, "different: fields are counted otherwise")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"logits": 1.3}, "different: logits of equal inputs differ"),
        ({"cells": {"cell.png": {"label": "basophil", "confidence": 0.9}}}, "different: cells are named otherwise"),
        ({"cells": {"cell.png": {"label": "monocyte", "confidence": 0.8}}}, "different: cells are named otherwise"),
        ({"fields": {"field.png": {"cells": []}}}, "different: fields are counted otherwise"),
        ({"sums": {"cell.png": 8}}, "different: pictures are decoded otherwise"),
    ],
)
def test_a_difference_is_told(tmp_path: Path, changes: dict[str, Any], fault: str) -> None:
    assert compared(written(tmp_path, "x"), written(tmp_path, "y", **changes)) == (1, fault)
