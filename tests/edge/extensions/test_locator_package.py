"""A locator that another package brings, by one file and one entry point, finds the cells of runs and of pictures."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.errors import ConfigurationError, ModelError
from hemato_edge.vision.locate.choice import load_locator

Python = Callable[..., subprocess.CompletedProcess[str]]
PACKAGE = "dark_locator"
PROGRAM = ("-m", "hemato_edge.cli.main")


def settings(folder: Path, **locator: object) -> str:
    """Writes them where they are looked for; returns the file."""
    file = folder / "hemato-edge" / "config.toml"
    file.parent.mkdir()
    file.write_text("[locator]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in locator.items()))
    return str(file)


def darkness(folder: Path) -> str:
    file = folder / "how_dark.txt"
    file.write_text("110")
    return str(file)


def test_a_run_counts_with_it(python_with: Python, tmp_path: Path) -> None:
    config = settings(tmp_path, kind="dark", path=darkness(tmp_path))
    asked = ("run", "--camera", "demo", "--max-frames", "3", "--json", "--db", str(tmp_path / "x.db"))
    done = python_with(PACKAGE, *PROGRAM, *asked, "--config", config)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["provenance"]["versions"]["locator"] == "dark 110"
    assert report["counts"]["rbc"] == 0
    assert report["counts"]["wbc"] > 0


@pytest.mark.parametrize(("min_score", "some"), [(0.6, True), (0.8, False)])
def test_pictures_are_searched_with_it(python_with: Python, tmp_path: Path, min_score: float, some: bool) -> None:
    """The settings' bound for scores reaches it."""
    settings(tmp_path, kind="dark", path=darkness(tmp_path), min_score=min_score)
    cv2.imwrite(str(tmp_path / "field.png"), draw_field(1)[0])
    done = python_with(PACKAGE, *PROGRAM, "analyze", "--json", str(tmp_path / "field.png"))
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["counts"]["wbc"] > 0) == some


def test_the_doctor_does_not_take_its_file_for_a_bundle(python_with: Python, tmp_path: Path) -> None:
    settings(tmp_path, kind="dark", path=darkness(tmp_path))
    code = (
        "from hemato_edge.doctor.model_probes import bundles_of\n"
        "from hemato_edge.settings import load_settings\n"
        "print(*bundles_of(load_settings()))\n"
    )
    assert python_with(PACKAGE, "-c", code).stdout == ":classifier\n"


@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("dusk", "'opencv', 'broken', 'dark' or 'other'", ConfigurationError.exit_code),
        ("broken", "cannot be loaded", ModelError.exit_code),
        ("other", "of that name", ModelError.exit_code),
        ("dark", "needs a file that says how dark", ModelError.exit_code),
    ],
)
def test_what_cannot_find_is_refused(python_with: Python, tmp_path: Path, kind: str, said: str, code: int) -> None:
    settings(tmp_path, kind=kind)
    done = python_with(PACKAGE, *PROGRAM, "run", "--camera", "demo", "--db", str(tmp_path / "x.db"))
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_locator_that_nobody_brings_is_refused() -> None:
    with pytest.raises(ModelError, match="no locator 'dark'") as caught:
        load_locator("dark")
    assert "auto, learned, opencv" in caught.value.fix
