"""The example file: it loads as it is, and with every setting in it switched on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hemato_edge.settings import known_keys, resolve, variable
from hemato_edge.settings.example import example_file
from hemato_edge.settings.model import Settings

KEPT = Path(__file__).parents[3] / "systemd" / "config.example.toml"
SETTING = re.compile(r"^#(?=[a-z])", re.MULTILINE)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_kept_copy_is_the_generated_one() -> None:
    assert KEPT.read_text() == example_file(), f"type: hemato-edge config example > {KEPT}"


def test_as_it_stands_it_sets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(example_file())
    resolved = resolve(file)
    assert resolved.file == file
    assert set(resolved.origins.values()) == {"default"}


def test_switched_on_it_sets_every_key_to_its_default_or_its_example(tmp_path: Path) -> None:
    text = SETTING.sub("", example_file())
    file = tmp_path / "x.toml"
    file.write_text(text)
    defaults, resolved = resolve(), resolve(file)
    without_line = {key for key, origin in resolved.origins.items() if f"{file}, line " not in origin}
    assert not without_line, "a setting whose default is None needs examples=[…] in settings/model.py"
    changed = {key for key, value in resolved.values().items() if value != defaults.values()[key]}
    assert changed == {key for key, value in defaults.values().items() if value is None}


def test_every_setting_stands_under_its_description_and_its_variable() -> None:
    lines = example_file().splitlines()
    for key in known_keys():
        section, name = key.split(".")
        at = next(i for i, line in enumerate(lines) if line.endswith(f"; {variable(key)}"))
        assert lines[at + 1].startswith(f"#{name} = ")
        info = Settings.model_fields[section].annotation.model_fields[name]
        first_words = " ".join((info.description or "").split()[:3])
        assert any(first_words in line for line in lines[max(0, at - 4) : at]), key


def test_no_line_is_too_long_to_read() -> None:
    assert max(map(len, example_file().splitlines())) <= 120
