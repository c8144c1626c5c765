"""Configuration files that are none: told in a line, at once, without reading gigabytes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hemato_edge.errors import ConfigurationError
from hemato_edge.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(ConfigurationError, match="is no file"):
        load_settings(tmp_path / "pipe.toml")


def test_three_gigabytes_are_not_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.toml"
    file.touch()
    os.truncate(file, 3 << 30)
    with pytest.raises(ConfigurationError, match="more than 1 MB"):
        load_settings(file)


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        load_settings(tmp_path)


@pytest.mark.parametrize("name", ["a\x1b[31m", "a\x00", "a\x07b", "a\x9b"])
@pytest.mark.parametrize("key", ["mqtt.device", "mqtt.topic"])
def test_names_of_mqtt_have_no_control_characters(key: str, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not valid"):
        load_settings(overrides={key: name})
