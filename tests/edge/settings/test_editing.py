"""One key of a configuration file is changed, the rest stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hemato_edge.errors import ConfigurationError
from hemato_edge.settings import load_settings
from hemato_edge.settings.editing import set_in_file
from hemato_edge.settings.example import example_file


def test_comments_order_and_mode_stay(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('# top\n\n[model]\nruntime = "litert" # kept\nthreads = 1   # mine\n\n[camera]\nspec = "demo"\n')
    file.chmod(0o640)
    set_in_file(file, "model.threads", 4)
    assert file.read_text() == (
        '# top\n\n[model]\nruntime = "litert" # kept\nthreads = 4   # mine\n\n[camera]\nspec = "demo"\n'
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.parametrize("before", ["", '[camera]\nspec = "demo"\n', "# only words\n"])
def test_a_missing_section_is_made(tmp_path: Path, before: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(before)
    set_in_file(file, "model.threads", 2)
    assert file.read_text().startswith(before)
    assert load_settings(file).model.threads == 2


def test_the_example_file_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(example_file())
    set_in_file(file, "model.threads", 3)
    assert load_settings(file).model.threads == 3
    assert example_file().count("\n") + 1 == file.read_text().count("\n")


def test_a_missing_file_and_its_folder_are_made(tmp_path: Path) -> None:
    file = tmp_path / "new" / "config.toml"
    set_in_file(file, "model.threads", 2)
    assert load_settings(file).model.threads == 2


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.toml", tmp_path / "config.toml"
    target.write_text("")
    link.symlink_to(target)
    set_in_file(link, "model.threads", 2)
    assert link.is_symlink()
    assert load_settings(target).model.threads == 2


@pytest.mark.parametrize("text", ["[model\n", "model = 3\n", "[[model]]\nthreads = 1\n"])
def test_what_is_no_section_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError):
        set_in_file(file, "model.threads", 2)
    assert file.read_text() == text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ConfigurationError, match="cannot be written"):
            set_in_file(file, "model.threads", 2)
    finally:
        tmp_path.chmod(0o700)
