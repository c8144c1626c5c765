"""An engine that another package brings runs its own part of a bundle; every other runtime goes on as before."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hemato_edge.errors import ModelError
from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.classifier_model import ClassifierModel
from hemato_edge.models.engines.choice import find_runtime, start_engine
from hemato_edge.models.engines.engine import Runtime

Python = Callable[..., subprocess.CompletedProcess[str]]
PACKAGE = "packed_engine"
PROGRAM = ("-m", "hemato_edge.cli.main")


def compiled(python_with: Python, shipped: Path, folder: Path) -> Path:
    """A copy of a bundle that also holds what the engine's compiler made of it."""
    bundle, part = folder / shipped.name, folder / f"{shipped.stem}.bin"
    shutil.copy(shipped, bundle)
    done = python_with(PACKAGE, "-m", PACKAGE, str(bundle), str(part))
    assert done.returncode == 0, done.stderr
    done = python_with(PACKAGE, *PROGRAM, "model", "attach", str(bundle), str(part), "--runtime", "packed")
    assert done.returncode == 0, done.stderr
    return bundle


def settings(folder: Path, model: Path | None = None, locator: Path | None = None) -> str:
    file = folder / "settings.toml"
    lines = ["[model]", 'runtime = "packed"']
    lines += [f'path = "{model}"'] if model else []
    lines += ["[locator]", f'path = "{locator}"'] if locator else []
    file.write_text("\n".join(lines))
    return str(file)


def test_a_run_counts_on_it(python_with: Python, tmp_path: Path) -> None:
    models = {
        "model": compiled(python_with, shipped_classifier(), tmp_path),
        "locator": compiled(python_with, shipped_locator(), tmp_path),
    }
    asked = ("run", "--camera", "demo", "--max-frames", "3", "--json", "--db")
    done = python_with(PACKAGE, *PROGRAM, *asked, str(tmp_path / "a.db"), "--config", settings(tmp_path, **models))
    assert done.returncode == 0, done.stderr
    here = json.loads(done.stdout)
    assert here["provenance"]["versions"]["packed"] == "2.5"
    plain = json.loads(python_with(PACKAGE, *PROGRAM, *asked, str(tmp_path / "b.db")).stdout)
    assert here["counts"] == plain["counts"]
    assert here["counts"]["rbc"] > 0


def test_the_flatbuffer_still_runs_and_the_card_tells_of_the_part(python_with: Python, tmp_path: Path) -> None:
    bundle = read_bundle(compiled(python_with, shipped_classifier(), tmp_path))
    assert ClassifierModel(bundle).verify() <= bundle.card.golden.tolerance
    assert [one.runtime for one in bundle.card.artefacts] == ["packed"]
    text = python_with(PACKAGE, *PROGRAM, "model", "info", str(bundle.path)).stdout
    assert "packed-classifier.bin for packed" in text


def test_a_changed_part_is_refused(python_with: Python, tmp_path: Path) -> None:
    path = compiled(python_with, shipped_classifier(), tmp_path)
    whole = bytearray(path.read_bytes())
    at = whole.rindex(b"packed-classifier.bin", 0, whole.rindex(b"packed-classifier.bin"))
    whole[at + 2000] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ModelError):
        read_bundle(path)


def test_a_bundle_without_its_part_is_refused(python_with: Python, tmp_path: Path) -> None:
    config = settings(tmp_path)
    done = python_with(PACKAGE, *PROGRAM, "run", "--camera", "demo", "--config", config, "--db", str(tmp_path / "x.db"))
    assert done.returncode == ModelError.exit_code
    assert "holds no part for the runtime packed" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_part_of_another_runtime_is_not_loaded(tmp_path: Path) -> None:
    def start(content: bytes, threads: int, most: int):
        raise ValueError("it was not compiled for this accelerator")

    with pytest.raises(ModelError, match="it was not compiled for this accelerator"):
        start_engine(read_bundle(shipped_classifier()), Runtime("other", "1", start, reads_tflite=True), 1)


def test_a_runtime_that_nobody_brings_is_refused() -> None:
    with pytest.raises(ModelError, match="no runtime 'packed'") as caught:
        find_runtime("packed")
    assert "litert" in caught.value.fix
