"""Changes from the page: checked by their own classes, kept in a file of which only harmless settings are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import ConfigurationError
from hemato_edge.settings import resolve
from hemato_edge.settings.changes import change, choose_profile, shape_of
from hemato_edge.settings.harmless import HARMLESS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "x.toml"
    made.write_text('# our laboratory\n[camera]\nspec = "demo"  # drawn\n\n[counting]\ntarget = 50 # few\n', "utf-8")
    return made


def changed(file: Path) -> Path:
    """The file of changes beside a configuration file."""
    return file.with_suffix(".changes.toml")


def test_a_value_is_checked_and_kept_beside_the_file_which_stays_as_it_is(file: Path) -> None:
    before = file.read_text("utf-8")
    change(resolve(file), "counting.target", "200")
    change(resolve(file), "reference.neutrophil", "[40, 75.5]")
    change(resolve(file), "display.bell", "true")
    assert file.read_text("utf-8") == before
    found = resolve(file)
    assert (found.settings.counting.target, found.settings.display.bell) == (200, True)
    assert found.settings.reference.neutrophil == (40, 75.5)
    assert found.settings.camera.spec == "demo"
    assert found.origins["counting.target"] == f"file {changed(file)}, line 2"


def test_an_empty_value_gives_way_to_the_file(file: Path) -> None:
    change(resolve(file), "counting.target", "200")
    change(resolve(file), "counting.target", " ")
    assert resolve(file).settings.counting.target == 50
    change(resolve(file), "report.operator", "")  # it was not there
    assert resolve(file).settings.report.operator == ""


def test_nothing_but_harmless_settings_is_read_from_the_changes(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    changed(file).write_text(
        'store.path = "/etc/passwd"\nno.such = 1\n[camera]\nspec = "gst:x"\n[counting]\ntarget = 70\n', "utf-8"
    )
    found = resolve(file)
    assert (found.settings.camera.spec, found.settings.counting.target) == ("demo", 70)
    assert found.origins["store.path"] == "default"
    assert "camera.spec" in caplog.text


def test_a_chosen_profile_stands_over_the_file_and_so_does_none(file: Path) -> None:
    file.write_text('[calibration]\nprofile = "40x"\n', "utf-8")
    choose_profile(file, "100x")
    assert resolve(file).settings.calibration.profile == "100x"
    choose_profile(file, None)
    assert resolve(file).settings.calibration.profile is None


def test_without_a_file_changes_lie_beside_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    change(resolve(), "counting.target", "70")
    assert (tmp_path / "data" / "hemato-edge" / "changes.toml").read_text("utf-8") == "[counting]\ntarget = 70\n"
    assert resolve().settings.counting.target == 70
    assert not (tmp_path / "config").exists()


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
    assert not changed(file).exists()


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
