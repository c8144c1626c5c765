"""Settings: who wins, where each came from, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemato_edge.errors import ConfigurationError
from hemato_edge.settings import Settings, default_files, known_keys, load_settings, origins, resolve, variable


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "hemato-edge.toml"


def test_defaults(tmp_path: Path) -> None:
    resolved = resolve()
    assert resolved.file is None
    assert set(resolved.origins.values()) == {"default"}
    assert set(resolved.origins) == set(known_keys()) == set(resolved.values())
    settings = resolved.settings
    assert (settings.camera.spec, settings.model.runtime, settings.counting.target) == ("0", "auto", 0)
    assert settings.store.path == tmp_path / "data" / "hemato-edge" / "hemato-edge.db"


def test_each_source_stands_over_the_next(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text('[camera]\nspec = "file"\nwidth = 800\nheight = 600\nfps = 9.5\n')
    monkeypatch.setenv("HEMATO_EDGE_CAMERA__SPEC", "environment")
    monkeypatch.setenv("HEMATO_EDGE_CAMERA__WIDTH", "1024")
    overrides = {"camera.spec": "demo", "camera.fps": None}  # None: not given
    settings = load_settings(toml, overrides)
    assert (settings.camera.spec, settings.camera.width, settings.camera.height) == ("demo", 1024, 600)
    assert settings.camera.fps == 9.5
    found = origins(toml, overrides)
    assert found["camera.spec"] == "command line"
    assert found["camera.width"] == "environment HEMATO_EDGE_CAMERA__WIDTH"
    assert found["camera.height"] == f"file {toml}, line 4"
    assert found["camera.fps"] == f"file {toml}, line 5"
    assert found["model.threads"] == "default"


def test_a_key_is_found_on_its_line_however_it_is_written(toml: Path) -> None:
    toml.write_text(
        "# a comment with [camera] in it\n"
        "counting.target = 100\n"
        'model = { threads = 2, runtime = "litert" }\n'
        "\n[camera] # here\n"
        'spec = """\n[display]\nrefresh_hz = 3"""\n'
        "[reference]\nneutrophil = [\n  40,\n  75,\n]\n'eosinophil' = [0, 5]\n"
    )
    found = origins(toml)
    lines = {key: origin.rpartition(" ")[2] for key, origin in found.items() if origin != "default"}
    assert lines == {
        "counting.target": "2",
        "model.threads": "3",
        "model.runtime": "3",
        "camera.spec": "6",
        "reference.neutrophil": "10",
        "reference.eosinophil": "14",
    }
    assert load_settings(toml).camera.spec.endswith("refresh_hz = 3")


def test_the_users_file_is_found_without_being_named() -> None:
    user, system = default_files()
    user.parent.mkdir(parents=True)
    user.write_text("[model]\nthreads = 3\n")
    resolved = resolve()
    assert (resolved.file, resolved.settings.model.threads) == (user, 3)
    assert system == Path("/etc/hemato-edge/config.toml")


def test_a_named_file_is_read_instead_of_the_users(toml: Path) -> None:
    user, _ = default_files()
    user.parent.mkdir(parents=True)
    user.write_text("[model]\nthreads = 3\n")
    toml.write_text("")
    assert load_settings(toml).model.threads == 1


def test_paths_know_the_home_folder(tmp_path: Path, toml: Path) -> None:
    toml.write_text('[store]\npath = "~/x.db"\n')
    assert load_settings(toml).store.path == tmp_path / "x.db"


def test_an_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMATO_EDGE_CAMERA__WIDTH", "")
    assert origins()["camera.width"] == "default"


def test_every_key_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {key: value for key, value in resolve().values().items() if value not in (None, "")}
    for key, value in values.items():
        monkeypatch.setenv(variable(key), str(value))
    resolved = resolve()
    assert {key: resolved.values()[key] for key in values} == values
    assert all(resolved.origins[key] == f"environment {variable(key)}" for key in values)


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("[camera]\nwidht = 3", "Unknown setting camera.widht (file {}, line 2)", "Did you mean camera.width?"),
        ("[camrea]\nspec = '0'", "Unknown setting camrea.spec (file {}, line 2)", "Did you mean camera.spec?"),
        ("[camrea]", "Unknown setting camrea (file {}, line 1)", "Did you mean camera?"),
        ("targte = 3", "Unknown setting targte (file {}, line 1)", "Did you mean counting.target?"),
        ("[xyzzy]\nqqq = 3", "Unknown setting xyzzy.qqq (file {}, line 2)", "config show"),
        ("camera = 3", "camera is a section, not a value (file {}, line 1)", "Write [camera]"),
        ("[camera.spec]\na = 1", "Unknown setting camera.spec.a (file {}, line 2)", "Did you mean camera.spec?"),
        ("[camera]\nwidth = 3", "camera.width = 3 (file {}, line 2) is not valid: input should be greater", "pixels"),
        (
            "[camera]\nwidth = 'big'",
            "camera.width = 'big' (file {}, line 2) is not valid: input should be a valid int",
            "",
        ),
        (
            "[model]\nthreads = true",
            "model.threads = True (file {}, line 2) is not valid: a number or a text",
            "threads",
        ),
        ("[model]\nruntime = 'tf'", "model.runtime = 'tf' (file {}, line 2) is not valid: input should be 'auto'", ""),
        ("[display]\nrefresh_hz = nan", "display.refresh_hz = nan (file {}, line 2)", ""),
        ("[store]\npath = ''", "store.path = '' (file {}, line 2) is not valid: a path is needed", ""),
        ("[camera\n", "The configuration file {} is not valid TOML", "[section]"),
        ("[camera]\nspec = '0'\nspec = '1'", "The configuration file {} is not valid TOML", ""),
    ],
)
def test_a_bad_file_is_refused_in_one_line(toml: Path, text: str, message: str, fix: str) -> None:
    toml.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(toml)
    assert message.format(toml) in caught.value.message
    assert fix in caught.value.fix
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message", "fix"),
    [
        ("HEMATO_EDGE_CAMERA__WIDHT", "3", "HEMATO_EDGE_CAMERA__WIDHT is no setting", "HEMATO_EDGE_CAMERA__WIDTH"),
        ("HEMATO_EDGE_STORE_PATH", "x", "HEMATO_EDGE_STORE_PATH is no setting", "HEMATO_EDGE_STORE__PATH"),
        ("HEMATO_EDGE_CAMERA", '{"width": 64}', "HEMATO_EDGE_CAMERA is no setting", ""),
        ("HEMATO_EDGE_CAMERA__WIDTH", "3", "camera.width = '3' (environment HEMATO_EDGE_CAMERA__WIDTH)", "pixels"),
        ("HEMATO_EDGE_CAMERA__FPS", "fast", "camera.fps = 'fast' (environment HEMATO_EDGE_CAMERA__FPS)", ""),
    ],
)
def test_a_bad_variable_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str, fix: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert message in caught.value.message
    assert fix in caught.value.fix
    assert "\n" not in str(caught.value)


def test_the_tests_own_variable_is_no_unknown_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMATO_EDGE_DATA", "/data")
    assert load_settings().camera.spec == "0"


def test_a_bad_command_line_value_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"counting.target = -1 \(command line\)"):
        load_settings(overrides={"counting.target": -1})


@pytest.mark.parametrize("make", ["missing", "folder", "binary"])
def test_a_file_that_cannot_be_read_is_told(toml: Path, make: str) -> None:
    if make == "folder":
        toml.mkdir()
    elif make == "binary":
        toml.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=str(toml)) as caught:
        load_settings(toml)
    assert caught.value.fix
    assert "\n" not in str(caught.value)


def test_the_quality_settings_are_those_of_the_gate() -> None:
    from dataclasses import asdict

    from hemato_edge.vision.quality import QualityGate

    assert load_settings().quality.model_dump() == asdict(QualityGate())


def test_every_setting_has_a_description_and_its_default_is_within_its_bounds() -> None:
    schema = Settings.model_json_schema()
    described = {
        f"{section}.{name}": field["description"]
        for section, reference in schema["properties"].items()
        for name, field in schema["$defs"][reference["$ref"].rsplit("/", 1)[-1]]["properties"].items()
    }
    assert set(described) == set(known_keys())
    values = {key: value for key, value in resolve().values().items() if value not in (None, "")}
    assert resolve(overrides=values).values() == resolve().values()


def test_reference_intervals_can_be_set_and_must_ascend(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[reference]\nneutrophil = [40, 75.5]\n")
    settings = load_settings(file)
    assert settings.reference.neutrophil == (40.0, 75.5)
    assert settings.reference.immature_granulocyte is None
    file.write_text("[reference]\nneutrophil = [75, 40]\n")
    with pytest.raises(ConfigurationError, match=r"reference\.neutrophil.*low end"):
        load_settings(file)
