"""The tests mirror the packages, and what they share has a name of its own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MIRRORED = {
    "edge": TESTS.parent / "edge" / "hemato_edge",
    "convert": TESTS.parent / "convert" / "hemato_convert",
    "training": TESTS.parent / "training" / "hemato_training",
}
ACROSS_PACKAGES = {"edge/fuzz"}
"""Folders whose tests go through all packages."""


def folders_with_tests() -> list[str]:
    tested = {path.parent.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    return sorted(folder for folder in tested if folder.split("/")[0] in MIRRORED)


@pytest.mark.parametrize("folder", [name for name in folders_with_tests() if name not in ACROSS_PACKAGES])
def test_a_folder_of_tests_is_named_like_what_it_tests(folder: str) -> None:
    half, *inside = folder.split("/")
    tested = MIRRORED[half].joinpath(*inside)
    assert tested.is_dir() or tested.with_suffix(".py").is_file()


def test_modules_that_tests_share_have_one_name_each() -> None:
    names = Counter(path.stem for path in TESTS.rglob("*.py") if not path.stem.startswith(("test_", "conftest")))
    assert [name for name, times in names.items() if times > 1] == []
