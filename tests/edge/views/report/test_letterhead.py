"""The letterhead comes from the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import ConfigurationError
from hemato_edge.views.report.letterhead import letterhead_and_language
from hemato_edge.views.report.model import Letterhead


def test_the_settings_say_whose_laboratory_it_is_and_in_which_language(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[report]\nlaboratory = "Ward 3"\nlanguage = "sw"\n', "utf-8")
    assert letterhead_and_language(file) == (Letterhead(laboratory="Ward 3"), "sw")


def test_a_language_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[report]\nlanguage = "la"\n', "utf-8")
    with pytest.raises(ConfigurationError, match=r"report\.language"):
        letterhead_and_language(file)
