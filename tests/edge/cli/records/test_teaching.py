"""`tally` and `quiz` key by key, and in a terminal of their own."""

from __future__ import annotations

import csv
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from recorded import NOON, record
from typer.testing import CliRunner
from waiting import until

from hemato_edge.cli.records import teaching
from hemato_edge.errors import DataError, StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

LABELS = ["neutrophil", "neutrophil", "lymphocyte", "unclassified"]
app = typer.Typer()
teaching.register(app)


def run(*arguments: object, keys: str = "") -> tuple[str, str]:
    result = CliRunner().invoke(app, list(map(str, arguments)), input=keys, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "records.db"
    record(made, LABELS, pictures=True)
    return made


def rows(file: Path) -> list[list[str]]:
    return list(csv.reader(file.read_text(encoding="utf-8").splitlines()))


def test_keys_are_counted_undone_and_recorded_one_by_one(tmp_path: Path) -> None:
    out, _ = run("tally", tmp_path / "a.csv", "--by", "Ada", "--json", keys="nnlrz?emq")
    found = json.loads(out)
    shares = {row["label"]: row["count"] for row in found["differential"]}
    assert (shares["neutrophil"], shares["lymphocyte"], shares["eosinophil"], shares["monocyte"]) == (2, 1, 1, 1)
    assert found["classified"] == 5
    assert found["nucleated_red_cells"]["count"] == 0
    assert [row[1:3] for row in rows(tmp_path / "a.csv")[1:]] == [
        ["Ada", name]
        for name in ("neutrophil", "neutrophil", "lymphocyte", "erythroblast", "undo", "eosinophil", "monocyte")
    ]


def test_nucleated_red_cells_stand_outside_of_the_hundred_and_the_bell_rings_at_it(tmp_path: Path) -> None:
    out, err = run("tally", tmp_path / "a.csv", keys="r" * 5 + "n" * 60 + "l" * 40 + "r" * 5 + "q")
    assert err.count("\a") == 1
    assert "Neutrophils                        60    60.0" in out
    assert "Nucleated red cells                10" in out
    assert "/100 WBC" in out
    _, err = run("tally", tmp_path / "b.csv", "--target", 7, keys="n" * 7 + "zn" + "q")
    assert err.count("\a") == 2  # the target was reached twice


def test_a_tally_goes_on_where_its_file_ends_even_after_a_power_cut(tmp_path: Path) -> None:
    run("tally", tmp_path / "a.csv", keys="nnq")
    with (tmp_path / "a.csv").open("a") as stream:
        stream.write("2026-03-01T12:00:00.000+00:00,Ada,lymph")
    out, _ = run("tally", tmp_path / "a.csv", "--json", keys="lq")
    assert json.loads(out)["classified"] == 3
    again, _ = run("tally", tmp_path / "a.csv", "--json", keys="q")
    assert json.loads(again)["classified"] == 3


def test_a_file_that_is_no_tally_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,age\nAda,36\n")
    with pytest.raises(DataError, match="no tally"):
        run("tally", tmp_path / "a.csv", keys="nq")
    assert (tmp_path / "a.csv").read_text() == "name,age\nAda,36\n"


def test_stored_cells_are_counted_beside_the_program_and_keep_their_names(path: Path, tmp_path: Path) -> None:
    out, _ = run("tally", tmp_path / "a.csv", "--session", 1, "--db", path, keys="nlzmq")
    assert "The program called the same cells: neutrophil 2" in out
    assert [row[2:] for row in rows(tmp_path / "a.csv")[1:]] == [
        ["neutrophil", "1", "0", "0"],
        ["lymphocyte", "1", "0", "1"],
        ["undo", "1", "0", "1"],
        ["monocyte", "1", "0", "1"],
    ]
    out, _ = run("tally", tmp_path / "a.csv", "--session", 1, "--db", path, keys="lu")  # it goes on with the third
    assert "Classified white cells              3" in out
    with Reader(path) as reader:
        assert [cell.name for cell in reader.cells(1)] == LABELS


def review(path: Path, who: str, names: list[str]) -> None:
    with open_writer(path) as writer, Reader(path) as reader:
        for cell, name in zip(reader.cells(1), names, strict=True):
            writer.relabel(1, cell.field, cell.number, name, who, NOON)


def test_a_quiz_asks_what_others_reviewed_and_says_how_far_one_agrees(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"] * 12 + ["lymphocyte"] * 12, pictures=True)
    review(path, "Ada", ["neutrophil"] * 12 + ["lymphocyte"] * 12)
    out, _ = run(
        *("quiz", "--db", path, "--by", "Bob", "--questions", 24, "--seed", 1, "--out", tmp_path / "q.csv", "--json"),
        keys="n" * 24,
    )
    found = json.loads(out)
    assert (found["questions"], found["right"]) == (24, 12)
    assert found["percent"] == pytest.approx([29.12, 50, 70.88], abs=0.01)
    assert found["kappa"][1] < found["kappa"][0] == 0 < found["kappa"][2]
    assert found["mistaken"] == [{"reference": "lymphocyte", "answer": "neutrophil", "cells": 12}]
    head, *body = rows(tmp_path / "q.csv")
    assert len(body) == 24
    assert {row[head.index("right")] for row in body} == {"0", "1"}
    assert "Not a certificate" in body[0][head.index("notice")]


def test_the_same_seed_asks_the_same_and_classes_come_evenly(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"] * 18 + ["basophil"] * 2, pictures=True)
    review(path, "Ada", ["neutrophil"] * 18 + ["basophil"] * 2)
    for name in ("a.csv", "b.csv"):
        run(
            *("quiz", "--db", path, "--by", "Bob", "--questions", 4, "--seed", 5, "--out", tmp_path / name), keys="nnnn"
        )
    assert rows(tmp_path / "a.csv") == rows(tmp_path / "b.csv")
    assert sorted(row[5] for row in rows(tmp_path / "a.csv")[1:]) == ["basophil"] * 2 + ["neutrophil"] * 2


def test_ones_own_words_and_disputed_cells_are_no_reference(path: Path) -> None:
    review(path, "Bob", ["neutrophil"] * 4)
    with pytest.raises(StoreError, match="another person"):
        run("quiz", "--db", path, "--by", "Bob", keys="n")
    review(path, "Ada", ["neutrophil", "monocyte", "lymphocyte", "monocyte"])
    out, _ = run("quiz", "--db", path, "--by", "Cem", "--seed", 1, keys="n" * 4)
    assert "1 of 1 as the reviewers: 100.0 % (95 % CI 2.5 – 100.0)" in out
    assert "kappa is given from 20 cells on" in out


def test_an_answer_can_be_taken_back_unless_the_reference_was_told(path: Path) -> None:
    review(path, "Ada", ["neutrophil"] * 4)
    arguments = ("quiz", "--db", path, "--by", "Bob", "--seed", 1)
    assert "4 of 4" in run(*arguments, keys="lznnnn")[0]
    out, err = run(*arguments, "--tell", keys="lznnn")
    assert "3 of 4" in out
    assert "lymphocyte; the reviewers: neutrophil" in err


def test_in_a_terminal_each_key_counts_at_once(tmp_path: Path) -> None:
    master, terminal = pty.openpty()
    file = tmp_path / "a.csv"
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm"}
    command = [sys.executable, "-m", "hemato_edge.cli.main", "tally", str(file)]

    def after(key: bytes, done: Callable[[], bool]) -> bool:
        """A terminal forgets what is typed while it changes its mode: typed again until it is seen."""
        os.write(master, key)
        return done()

    with subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment) as process:
        os.close(terminal)
        try:
            until(lambda: after(b"n", lambda: file.exists() and len(rows(file)) >= 2), "a cell on disk")
            until(lambda: after(b"q", lambda: process.poll() is not None), "the end")
        finally:
            process.kill()
    os.close(master)
    assert process.returncode == 0
    assert {row[2] for row in rows(file)[1:]} == {"neutrophil"}
