"""`review`: keys in the terminal, folders, undo, and a training set, on real databases."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
import typer
from recorded import record, record_described
from typer.testing import CliRunner

from hemato_edge.cli.records import review
from hemato_edge.errors import DataError, StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from pathlib import Path

LABELS = ["neutrophil", "neutrophil", "lymphocyte", "unclassified"]

app = typer.Typer()
review.register(app)


def run(*arguments: object, keys: str = "") -> str:
    result = CliRunner().invoke(app, ["review", *map(str, arguments)], input=keys, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, LABELS, pictures=True)
    return made


def names(path: Path) -> list[str]:
    with Reader(path) as reader:
        return [cell.name for cell in reader.cells(1)]


def test_one_key_names_a_cell(path: Path) -> None:
    said = run("--db", path, "--by", "Ada", keys="msyq")
    assert names(path) == ["monocyte", "neutrophil", "lymphocyte", "unclassified"]
    assert "2 cells named" in said
    with Reader(path) as reader:
        assert [(c.who, c.field, c.cell, c.after) for c in reader.relabels(1)] == [
            ("Ada", 0, 0, "monocyte"),
            ("Ada", 1, 0, "lymphocyte"),
        ]


def test_the_morphology_stands_beside_the_answer(tmp_path: Path) -> None:
    record_described(tmp_path / "described.db")
    first, second, *_ = run("--db", tmp_path / "described.db", "list").splitlines()
    assert first.endswith("(neutrophil 86 %, eosinophil 2 %, basophil 2 %): small pink granules 93%")
    assert second.endswith(": multilobed nucleus 95%, small pink granules 93%")


def test_options_before_a_subcommand_count_for_it(path: Path, tmp_path: Path) -> None:
    record(path, LABELS)  # a second session, which is the last one
    run("--db", path, "--session", 1, "--by", "Ada", "relabel", 0, 0, "monocyte")
    assert names(path)[0] == "monocyte"
    with Reader(path) as reader:
        assert next(reader.cells(2)).name == "neutrophil"
        assert reader.relabels(1)[0].who == "Ada"
    run("--db", tmp_path / "none.db", "--session", 2, "undo", "--db", path, "--session", 1)  # what stands behind wins
    assert names(path)[0] == "neutrophil"
    assert len(run("--db", path, "--limit", 2, "list", "--session", 1).splitlines()) == 2


def test_an_option_that_the_subcommand_does_not_know_is_refused(path: Path) -> None:
    result = CliRunner().invoke(app, ["review", "--limit", "3", "undo", "--db", str(path)])
    assert result.exit_code == 2
    assert "`undo` has no option --limit" in result.output


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Monocytes", "monocyte"),
        ("nucleated red cell", "erythroblast"),
        ("NRBC", "erythroblast"),
        ("no cell", "artefact"),
    ],
)
def test_a_class_may_be_called_by_its_other_names(path: Path, said: str, meant: str) -> None:
    run("relabel", 0, 0, said, "--db", path)
    assert names(path)[0] == meant


def test_a_misspelt_class_is_answered_with_the_nearest(path: Path) -> None:
    result = CliRunner().invoke(app, ["review", "relabel", "0", "0", "lymfocyte", "--db", str(path)])
    assert result.exit_code == 2
    assert "did you mean lymphocyte?" in result.output
    assert names(path)[0] == "neutrophil"


def test_y_takes_the_first_guess_of_an_unclassified_cell(path: Path) -> None:
    run("--db", path, keys="sssy")
    assert names(path)[3] == "lymphocyte"


def test_undo_goes_back_to_the_cell(path: Path) -> None:
    run("--db", path, keys="mzbq")
    assert names(path)[0] == "basophil"
    with Reader(path) as reader:
        assert len(reader.relabels(1)) == 3
    assert "neutrophil again" in run("undo", "--db", path)
    assert names(path) == LABELS
    assert "Nothing is left" in run("undo", "--db", path)


def test_a_key_without_meaning_changes_nothing(path: Path) -> None:
    assert "means nothing" in run("--db", path, keys="wq")
    assert names(path) == LABELS


def test_one_cell_is_relabelled_by_its_numbers(path: Path) -> None:
    run("relabel", 1, 1, "monocyte", "--db", path)
    assert names(path)[3] == "monocyte"
    for wrong in (("relabel", 9, 9, "monocyte"), ("relabel", 1, 1, "blast")):
        result = CliRunner().invoke(app, ["review", *map(str, wrong), "--db", str(path)])
        assert result.exit_code == 2


def test_a_moved_picture_is_relabelled(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    assert run("export", folder, "--db", path).startswith("4 cells")
    (picture,) = (folder / "unclassified").iterdir()
    picture.rename(folder / "monocyte" / picture.name)
    assert run("import", folder, "--db", path, "--by", "Ada") == "1 cells relabelled, 0 confirmed, of 4.\n"
    assert names(path)[3] == "monocyte"
    assert run("import", folder, "--db", path, "--confirm") == "0 cells relabelled, 3 confirmed, of 4.\n"
    with Reader(path) as reader:
        assert sum(reader.totals(1).reviewed.values()) == 4


def test_a_folder_that_does_not_fit_changes_nothing(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cells"
    run("export", folder, "--db", path)
    with pytest.raises(DataError, match="not empty"):
        run("export", folder, "--db", path)
    (folder / "blast").mkdir()
    (picture,) = (folder / "unclassified").iterdir()
    picture.rename(folder / "blast" / picture.name)
    with pytest.raises(DataError, match="is no label"):
        run("import", folder, "--db", path)
    other = tmp_path / "other.db"
    record(other, LABELS, model_sha256="cd" * 32)
    with pytest.raises(DataError, match="another session"):
        run("import", folder, "--db", other)
    assert names(path) == LABELS


def test_the_queue_as_json(path: Path) -> None:
    document = json.loads(run("list", "--db", path, "--json", "--limit", 2))
    assert [(cell["field"], cell["cell"]) for cell in document["cells"]] == [(0, 0), (0, 1)]


def test_reviewed_cells_become_a_training_set(path: Path, tmp_path: Path) -> None:
    run("--db", path, keys="mbxu")  # a person's "unclassified" and "no cell" teach nothing
    run("training-set", tmp_path / "data", "--db", path)
    run("training-set", tmp_path / "data", "--db", path)  # a second time adds nothing twice
    with (tmp_path / "data" / "reviewed" / "index.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["monocyte", "basophil"]
    assert all((tmp_path / "data" / "reviewed" / row["image"]).is_file() for row in rows)
    assert len({row["split"] for row in rows}) == 1  # both are of one field


def test_a_training_set_of_cells_that_nobody_named_is_none(path: Path, tmp_path: Path) -> None:
    said = run("training-set", tmp_path / "data", "--db", path)
    assert said == "Nobody has named a cell of session 1. Next: hemato-edge review --session 1\n"
    assert not (tmp_path / "data").exists()


def test_pruning_removes_pictures_alone(path: Path) -> None:
    assert run("prune", "--db", path) == "4 pictures removed.\n"
    assert names(path) == LABELS
    assert "no picture of it was kept" in run("--db", path, keys="q")


def test_a_database_that_is_written_elsewhere_is_not_reviewed(path: Path) -> None:
    with open_writer(path), pytest.raises(StoreError, match="being written"):
        run("--db", path, keys="q")


def test_a_missing_database_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="There is no database"):
        run("--db", tmp_path / "x.db")
    assert not list(tmp_path.iterdir())
