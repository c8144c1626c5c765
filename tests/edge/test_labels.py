"""The classes of cells: what must hold of every one, and that a new one stands in one file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
from waiting import DEADLINE_S

from hemato_edge.labels import BY_NAME, CELL_CLASSES, CLASSIFIER_LABELS, LEUKOCYTES, named_class, suggested

TESTS = Path(__file__).parents[1]
DARK_GROUND = "#16202a"
"""The lightest ground that the page draws cells on when it is dark."""


def _luminance(colour: str) -> float:
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's ratio of two colours, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", BY_NAME)
def test_on_a_dark_ground_every_class_stands_out(name: str) -> None:
    assert contrast(BY_NAME[name].colour_on_dark, DARK_GROUND) >= 3


def test_only_what_needs_it_has_a_lighter_twin() -> None:
    for one in BY_NAME.values():
        if one.colour_on_dark != one.colour:
            assert contrast(one.colour, DARK_GROUND) < 3


def test_names_keys_colours_and_abbreviations_are_told_apart() -> None:
    for one, other in combinations(BY_NAME.values(), 2):
        assert not {one.key, one.short, one.plural, one.colour} & {other.key, other.short, other.plural, other.colour}
        assert one.colour_on_dark != other.colour_on_dark
        assert not set(one.aliases) & set(other.aliases)
    assert all(len(one.key) == 1 and one.key not in "yszq" for one in BY_NAME.values())  # those are review's own
    assert all(re.fullmatch("#[0-9a-f]{6}", text) for one in BY_NAME.values() for text in (one.colour,))


def test_the_white_cells_stand_first_and_the_shares_make_one() -> None:
    assert CLASSIFIER_LABELS[: len(LEUKOCYTES)] == LEUKOCYTES
    assert sum(one.drawn_share for one in CELL_CLASSES) == pytest.approx(1)


@pytest.mark.parametrize(
    ("spelling", "near"),
    [
        ("neutrofil", "neutrophil"),
        ("Segmentkernige", "neutrophil"),
        ("gran", "neutrophil, eosinophil or basophil"),
        ("atyps", "lymphocyte"),
        ("ery", "erythroblast for nucleated ones, rbc for others"),
        ("artifact", "artefact"),
        ("Lymphozyten", "lymphocyte"),
        ("blast", None),  # none of this program's classes
        ("blast cell", None),
        ("smudge", None),
        ("x", None),
        ("", None),
    ],
)
def test_what_may_mean_a_class_is_suggested_and_never_taken(spelling: str, near: str | None) -> None:
    assert named_class(spelling) is None
    assert suggested(spelling) == near


def test_a_plural_is_the_same_class_and_a_kind_is_suggested_where_it_is_meant() -> None:
    assert [named_class(text) for text in ("segs", "Lymphs", "monocytes", "eos", "bas")] == [
        BY_NAME[name] for name in ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")
    ]
    assert suggested("white cels") == "wbc"
    assert suggested("white cels", kinds=False) is None


def test_a_ninth_class_touches_one_file_and_is_seen_in_every_view(tmp_path: Path) -> None:
    paths = [str(TESTS), *(str(TESTS.parent / part) for part in ("edge", "training"))]
    done = subprocess.run(
        [sys.executable, str(TESTS / "edge" / "ninth_class.py"), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
