"""Plugins: the packages of the path are read as `importlib.metadata` reads them, and a broken one is skipped."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest

from hemato_edge import extensions
from hemato_edge.extensions import CAMERAS, LOCATORS, extension, extension_names
from hemato_edge.extensions import extensions as loaded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Two folders that alone are searched for packages."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(sys, "path", [*map(str, folders), *sys.path])
    _forget()
    yield folders
    _forget()


def _forget() -> None:
    extensions._installed.cache_clear()
    extensions._entries.cache_clear()


def install(folder: Path, package: str, entry_points: str) -> None:
    """Records of a package, as pip writes them."""
    about = folder / f"{package}.dist-info"
    about.mkdir()
    name, _, version = package.partition("-")
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(entry_points)


def test_entry_points_are_those_of_the_standard_library(path: list[Path]) -> None:
    first, second = path
    ours = "[hemato_edge.cameras]\n two=json : dumps \none = json:dumps [extra]\n"
    install(first, "some_cameras-1.0", "# a comment\n[console_scripts]\nx = y:z\n\n" + ours)
    install(second, "some_cameras-0.9", "[hemato_edge.cameras]\nthree = json:loads\n")
    install(second, "others-2.0", "[hemato_edge.locators]\nfour = os:path.join\n")
    asked = [one for one in distributions(path=[*map(str, path)]) if one.version != "0.9"]
    for group in (CAMERAS, LOCATORS):
        known = {entry.name: entry for one in asked for entry in one.entry_points if entry.group == group}
        assert known
        assert set(extension_names(group)) >= known.keys()
        assert all(extension(group, name) is entry.load() for name, entry in known.items())
    assert "three" not in extension_names(CAMERAS)


@pytest.mark.parametrize("value", ["no_such_module_anywhere:X", "json:no_such_name", "", "..json:dumps", "a b:c"])
def test_a_broken_plugin_is_named_and_skipped(value: str, path: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    install(path[0], "broken-1.0", f"[hemato_edge.cameras]\nbad = {value}\ngood = json:dumps\n")
    with caplog.at_level(logging.WARNING):
        names = [name for name, _ in loaded(CAMERAS)]
    assert "good" in names
    assert "bad" not in names
    assert "the plugin bad of broken cannot be loaded" in caplog.text
