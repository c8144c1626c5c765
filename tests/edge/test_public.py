"""The public face: its examples run, it is light until it is used, and its types are those that it says."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from recorded import record

import hemato_edge
from hemato_edge import analyze_image, classify_image, open_session, public
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.errors import ImageError, ModelError, StoreError

EXAMPLES = [test for test in doctest.DocTestFinder().find(public) if test.examples]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of work with the pictures that the examples name, and a home with a recorded session."""
    camera = DemoCamera(1, still=True)
    camera.open()
    for name in ("field.png", "cell1.png"):
        cv2.imwrite(str(tmp_path / name), camera.read().image)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    database = tmp_path / ".local" / "share" / "hemato-edge" / "hemato-edge.db"
    database.parent.mkdir(parents=True)
    record(database, ["neutrophil", "neutrophil", "monocyte"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_function_has_an_example() -> None:
    assert {test.name.rsplit(".", 1)[1] for test in EXAMPLES} == {"analyze_image", "classify_image", "open_session"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda test: test.name)
def test_the_examples_run(example: doctest.DocTest, place: Path) -> None:
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_a_field_is_what_the_command_prints(place: Path) -> None:
    document = analyze_image(place / "field.png").as_json()
    assert document["counts"]["wbc"] >= 1  # type: ignore[index]
    assert document["path"] == str(place / "field.png")


def test_a_session_is_read(place: Path) -> None:
    with open_session() as session:
        assert session.record.id == 1
        assert session.totals.wbc == 3
        assert [cell.label for cell in session.cells()] == ["neutrophil", "neutrophil", "monocyte"]
        assert len(list(session.fields())) == session.totals.fields == 2
        assert session.report().counts["wbc"] == 3


def test_what_is_not_there_is_an_error_with_the_next_step(place: Path) -> None:
    (place / "broken.png").write_bytes(b"broken")
    for error, call in (
        (ImageError, lambda: analyze_image("broken.png")),
        (ImageError, lambda: classify_image("none.png")),
        (ModelError, lambda: analyze_image("field.png", model="none.tflite")),
        (StoreError, lambda: open_session("none.db")),
        (StoreError, lambda: open_session(number=7)),
    ):
        with pytest.raises(error) as caught:
            call()
        assert caught.value.fix


def test_the_package_alone_loads_nothing() -> None:
    loaded = "sorted(m for m in sys.modules if m.startswith(('hemato_edge', 'numpy', 'cv2')))"
    code = f"import sys, hemato_edge; print({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['hemato_edge', 'hemato_edge.about']"


def test_it_lists_what_it_has() -> None:
    assert {"analyze_image", "classify_image", "open_session", "Session"} <= set(dir(hemato_edge))
    with pytest.raises(AttributeError, match="no attribute 'analyse_image'"):
        hemato_edge.analyse_image  # noqa: B018


@pytest.mark.slow
def test_a_type_checker_sees_the_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "uses.py"
    program.write_text(
        "import hemato_edge\n"
        "field = hemato_edge.analyze_image('field.png')\n"
        "reveal_type(field)\n"
        "reveal_type(hemato_edge.classify_image('cell.png').judgement.label)\n"
        "with hemato_edge.open_session() as session:\n"
        "    reveal_type(session.totals.wbc)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--follow-imports=silent", str(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    revealed = [line.split('"')[1] for line in done.stdout.splitlines() if "Revealed type" in line]
    assert revealed == ["hemato_edge.pipeline.images.FieldPicture", "builtins.str", "builtins.int"], done.stdout
