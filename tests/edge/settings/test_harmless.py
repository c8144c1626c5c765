"""Settings that may be changed from another device: checked by their own classes, written with comments kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import ConfigurationError
from hemato_edge.settings import known_keys, resolve
from hemato_edge.settings.harmless import HARMLESS, change, shape_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "x.toml"
    made.write_text('# our laboratory\n[camera]\nspec = "demo"  # drawn\n\n[counting]\ntarget = 50 # few\n', "utf-8")
    return made


def test_none_is_a_path_a_camera_a_host_or_a_program() -> None:
    assert set(HARMLESS) <= set(known_keys())
    for key in HARMLESS:
        assert key.split(".")[0] not in (
            "camera",
            "model",
            "locator",
            "store",
            "mqtt",
            "metrics",
            "door",
            "calibration",
        )
        assert key.split(".")[1] not in ("path", "folder", "host", "port", "logo", "security", "names")


def test_a_value_is_checked_and_written_with_the_comments_kept(file: Path) -> None:
    change(resolve(file), "counting.target", "200")
    change(resolve(file), "reference.neutrophil", "[40, 75.5]")
    change(resolve(file), "display.bell", "true")
    text = file.read_text("utf-8")
    assert "# our laboratory" in text
    assert "target = 200 # few" in text
    settings = resolve(file).settings
    assert (settings.counting.target, settings.display.bell) == (200, True)
    assert settings.reference.neutrophil == (40, 75.5)
    assert settings.camera.spec == "demo"


def test_an_empty_value_takes_the_key_out(file: Path) -> None:
    change(resolve(file), "counting.target", " ")
    assert resolve(file).origins["counting.target"] == "default"
    change(resolve(file), "report.operator", "")  # it was not there
    assert resolve(file).settings.report.operator == ""


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("counting.target", "-3", "not valid"),
        ("counting.target", "many", "not valid"),
        ("reference.neutrophil", "[75, 40]", "the low end must be under the high one"),
        ("reference.neutrophil", "40 to 75", "cannot be read"),
        ("camera.spec", "gst:filesink location=/tmp/x", "cannot be changed from here"),
        ("no.such", "1", "cannot be changed from here"),
    ],
)
def test_what_is_not_valid_or_not_harmless_is_refused_and_nothing_is_written(
    file: Path, key: str, text: str, said: str
) -> None:
    before = file.read_text("utf-8")
    with pytest.raises(ConfigurationError, match=said) as refused:
        change(resolve(file), key, text)
    assert "command line" not in refused.value.message
    assert file.read_text("utf-8") == before


def test_what_stands_over_the_file_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMATO_EDGE_COUNTING__TARGET", "100")
    with pytest.raises(ConfigurationError, match="environment HEMATO_EDGE_COUNTING__TARGET, which stands over"):
        change(resolve(file), "counting.target", "200")


def test_each_is_typed_in_by_its_kind() -> None:
    kinds = {key: shape_of(key).kind for key in HARMLESS}
    assert kinds["counting.target"] == kinds["quality.min_focus"] == "number"
    assert kinds["display.bell"] == "switch"
    assert kinds["reference.neutrophil"] == "pair"
    assert kinds["report.comment"] == "text"
