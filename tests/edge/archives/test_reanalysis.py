"""An archive is analysed as by `hemato-edge analyze`, goes on after any end, and nothing in it is counted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from archived import analysed, draw_slides, slides_of, stricter_model, table, tables
from processes import process
from typer.testing import CliRunner
from waiting import until

from hemato_edge.archives.examining import examine
from hemato_edge.archives.local import DIED, run_locally
from hemato_edge.archives.reanalysis import reanalyse
from hemato_edge.archives.rows import TABLES, Findings
from hemato_edge.archives.sources import Source
from hemato_edge.archives.terms import Terms, terms_of
from hemato_edge.errors import ArchiveError, ModelError, StoreError
from hemato_edge.settings import load_settings
from hemato_edge.store.file.lock import WriterLock

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_slides(tmp_path_factory.mktemp("archive"), 3, 2)


@pytest.fixture(scope="module")
def plain(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, analysed without any trouble."""
    out = tmp_path_factory.mktemp("plain") / "out"
    assert analysed(slides_of(archive), out, here).pictures == 6
    return out


def here(terms: Terms, sources: Sequence[Source]) -> Iterator[tuple[Source, Findings]]:
    """A runner in this process."""
    for source in sources:
        yield source, examine(terms, source)


def analyze(*arguments: object) -> list[dict[str, Any]]:
    """What `hemato-edge analyze` prints."""
    from hemato_edge.cli.main import app

    done = CliRunner().invoke(app, ["analyze", "--json", *map(str, arguments)])
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def as_analyze(folder: Path, source: str) -> list[dict[str, Any]]:
    """The tables of a source in the shape that `hemato-edge analyze` prints."""
    cells = [row for row in table(folder, "cells") if row["source"] == source]
    return [
        {
            "path": field["picture"],
            "counts": {kind: field[f"seen_{kind}"] for kind in ("wbc", "rbc", "platelet")},
            "reject": field["reject"],
            "cells": [
                (cell["kind"], [round(cell[side], 1) for side in ("x0", "y0", "x1", "y1")], cell["label"])
                for cell in cells
                if cell["field"] == field["field"]
            ],
            "confidences": pytest.approx(
                [cell["confidence"] for cell in cells if cell["field"] == field["field"] and cell["label"]], abs=1e-4
            ),
        }
        for field in table(folder, "fields")
        if field["source"] == source
    ]


def in_short(printed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "path": one["path"],
            "counts": one["counts"],
            "reject": one["quality"]["reject"],
            "cells": [(cell["kind"], cell["box"], cell.get("label")) for cell in one["cells"]],
            "confidences": [cell["confidence"] for cell in one["cells"] if "label" in cell],
        }
        for one in printed
    ]


def test_the_numbers_are_those_of_analyze(archive: Path, plain: Path) -> None:
    for slide in ("slide0", "slide2"):
        printed = in_short(analyze(archive / slide))
        assert sum(len(one["cells"]) for one in printed) > 40
        assert as_analyze(plain, str(archive / slide)) == printed


def test_strangers_are_those_of_analyze_each(archive: Path, tmp_path: Path) -> None:
    sources = slides_of(archive / "slide1", each=True)
    analysed(sources, tmp_path / "out", here, each=True)
    rows = [row for source in sources for row in as_analyze(tmp_path / "out", source.name)]
    assert rows == in_short(analyze(archive / "slide1", "--each"))


def test_counts_are_the_sums_of_the_cells(plain: Path) -> None:
    for row in table(plain, "counts"):
        cells = [cell for cell in table(plain, "cells") if cell["source"] == row["source"]]
        white = [cell["label"] or "unnamed" for cell in cells if cell["kind"] == "wbc"]
        assert row["counted_wbc"] == len(white) > 0
        assert row["counted_rbc"] == sum(cell["kind"] == "rbc" for cell in cells)
        assert {name: row[name] for name in {*white}} == {name: white.count(name) for name in {*white}}
        assert (row["fields"], row["failed"], row["kind"]) == (2, 0, "pictures")


def test_red_cells_are_those_of_analyze(archive: Path, plain: Path) -> None:
    printed = analyze(archive / "slide1")
    sizes = [size for one in printed for size in one["red_cells"]["diameters_px"]]
    pallor = [pale for one in printed for pale in one["red_cells"]["pallor"]]
    cells = [cell for cell in table(plain, "cells") if cell["source"] == str(archive / "slide1")]
    measured = [cell for cell in cells if cell["diameter_px"] is not None]
    assert {cell["kind"] for cell in measured} == {"rbc"}
    assert [cell["diameter_px"] for cell in measured] == pytest.approx(sizes, abs=0.06)
    assert [cell["pallor"] for cell in measured] == pytest.approx(pallor, abs=0.006)
    (row,) = (one for one in table(plain, "counts") if one["source"] == str(archive / "slide1"))
    assert row["rbc_measured"] == len(sizes) > 10
    assert (row["rbc_diameter_px"], row["rbc_named"]) == (None, None)  # below a hundred cells; nobody named shapes
    assert row["platelet_giant"] == sum(one["platelets"]["giant"] for one in printed)


def test_red_cells_of_strangers_are_no_distribution(archive: Path, tmp_path: Path) -> None:
    sources = slides_of(archive / "slide1", each=True)
    analysed(sources, tmp_path / "out", here, each=True)
    assert [row["rbc_measured"] for row in table(tmp_path / "out", "counts")] == [None] * len(sources)
    assert any(cell["diameter_px"] for cell in table(tmp_path / "out", "cells"))


def test_the_files_say_under_which_terms_they_were_made(plain: Path) -> None:
    from pyarrow import parquet

    for name, columns in TABLES.items():
        schema = parquet.read_schema(plain / f"{name}.parquet")
        said = json.loads(schema.metadata[b"hemato_edge"])
        assert said["terms"]["model_sha256"][:8]
        assert said["terms"]["quality"]["min_focus"] > 0
        assert "Research Use Only" in said["notice"]
        assert [one.name for one in schema] == [one.name for one in columns]
        assert all(one.metadata[b"meaning"] for one in schema)


def test_pandas_reads_them(plain: Path) -> None:
    pandas = pytest.importorskip("pandas")
    cells = pandas.read_parquet(plain / "cells.parquet")
    assert len(cells) == len(table(plain, "cells"))
    assert (cells.loc[cells.kind == "wbc", "confidence"] > 0).all()


def test_what_is_done_is_not_done_again(archive: Path, plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert analysed(slides_of(archive)[:1], out, here).analysed == 1
    assert analysed(slides_of(archive), out, here).analysed == 2
    assert tables(out) == tables(plain)
    assert analysed(slides_of(archive), out, None).analysed == 0
    assert tables(out) == tables(plain)


def test_a_slide_with_another_picture_is_analysed_again_and_counts_once(tmp_path: Path) -> None:
    archive, out = draw_slides(tmp_path / "archive", 2, 2), tmp_path / "out"
    analysed(slides_of(archive), out, here)
    (archive / "slide1/0.png").unlink()
    summary = analysed(slides_of(archive), out, here)
    assert (summary.analysed, summary.sources, summary.pictures) == (1, 2, 3)
    assert len(table(out, "fields")) == 3


class Cut(Exception):
    """The end of a run that nobody has asked for."""


def test_an_end_in_between_costs_what_was_at_work(archive: Path, plain: Path, tmp_path: Path) -> None:
    def cut(terms: Terms, sources: Sequence[Source]) -> Iterator[tuple[Source, Findings]]:
        yield from here(terms, sources[:2])
        raise Cut

    with pytest.raises(Cut):
        analysed(slides_of(archive), tmp_path / "out", cut)
    assert analysed(slides_of(archive), tmp_path / "out", here).analysed == 1
    assert tables(tmp_path / "out") == tables(plain)


@pytest.mark.slow
def test_several_processes_find_the_same(archive: Path, plain: Path, tmp_path: Path) -> None:
    analysed(slides_of(archive), tmp_path / "out")
    assert tables(tmp_path / "out") == tables(plain)


@pytest.mark.slow
def test_a_killed_run_goes_on_and_its_processes_end_with_it(archive: Path, plain: Path, tmp_path: Path) -> None:
    import sqlite3

    out = tmp_path / "out"
    command = [sys.executable, "-m", "hemato_edge.cli.main", "reanalyze", str(archive), "-r", "--out", str(out), "-j1"]

    def finished() -> int:
        try:
            with sqlite3.connect(f"file:{out / 'journal.db'}?mode=ro", uri=True) as journal:
                return int(journal.execute("SELECT count(*) FROM sources").fetchone()[0])
        except sqlite3.Error:
            return 0

    with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True) as running:
        until(finished, "the first source")
        running.send_signal(signal.SIGKILL)
        running.wait()
        until(lambda: not _of_group(running.pid), "the end of the other processes")
    assert not (out / "cells.parquet").exists()
    before = finished()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 1 <= before < 3
    assert f"{before} of them from earlier calls" in done.stdout
    assert tables(out) == tables(plain)


def _of_group(group: int) -> list[int]:
    """The living processes of a process group."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, _, own = (place / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(own) == group and state != "Z":
            found.append(int(place.name))
    return found


def test_another_model_goes_to_another_folder(archive: Path, tmp_path: Path) -> None:
    sources = slides_of(archive)[:1]
    analysed(sources, tmp_path / "out", here)
    settings = load_settings(overrides={"model.path": stricter_model(tmp_path / "stricter.tflite")})
    with pytest.raises(
        ArchiveError, match=r"begun under other terms \(model: .* became stricter [0-9a-f]{12}\)"
    ) as told:
        reanalyse(sources, terms_of(settings), tmp_path / "out", here)
    assert "--compare" in told.value.fix
    with pytest.raises(ArchiveError, match="each: False became True"):
        analysed(slides_of(archive, each=True), tmp_path / "out", here, each=True)


@pytest.mark.slow
def test_a_model_that_changes_while_it_runs_ends_it(archive: Path) -> None:
    terms = replace(terms_of(load_settings()), fingerprint=json.dumps({"model": "other", "model_sha256": "ab" * 32}))
    with pytest.raises(ModelError, match="other terms than the start of this run"):
        list(run_locally(terms, slides_of(archive)[:1], 1))


def test_bad_files_are_named_and_end_nothing(archive: Path, plain: Path, tmp_path: Path) -> None:
    mixed = tmp_path / "archive"
    mixed.mkdir()
    for picture in (archive / "slide0").iterdir():
        (mixed / picture.name).write_bytes(picture.read_bytes())
    (mixed / "1b.png").write_bytes((mixed / "1.png").read_bytes()[:3000])
    (mixed / "1c.jpg").write_text("no picture")
    (mixed / "no.mp4").write_text("no video")
    summary = analysed(slides_of(mixed), tmp_path / "out", here)
    assert (summary.sources, summary.pictures, summary.failed) == (2, 2, 3)
    assert [Path(row["file"]).name for row in table(tmp_path / "out", "failures")] == ["1b.png", "1c.jpg", "no.mp4"]
    assert "cut off" in table(tmp_path / "out", "failures")[0]["reason"]
    counted = {row["source"]: row["failed"] for row in table(tmp_path / "out", "counts")}
    assert counted == {str(mixed): 2, str(mixed / "no.mp4"): 1}
    white = [row["label"] for row in table(plain, "cells") if row["source"].endswith("slide0")]
    assert [row["label"] for row in table(tmp_path / "out", "cells")] == white
    assert analysed(slides_of(mixed), tmp_path / "out", here).analysed == 1  # what failed as a whole is tried again


class Deadly(str):
    """A name that ends the process that receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


@pytest.mark.slow
def test_a_source_that_kills_its_process_is_told_and_the_others_go_on(
    archive: Path, plain: Path, tmp_path: Path
) -> None:
    first, second, third = slides_of(archive)
    deadly = replace(second, name=Deadly("deadly"), weight=first.weight * 9)
    summary = analysed([first, deadly, third], tmp_path / "out")
    assert (summary.pictures, summary.failed) == (4, 1)
    assert table(tmp_path / "out", "failures") == [{"source": "deadly", "file": "deadly", "reason": DIED}]
    expected = [row for row in table(plain, "cells") if not row["source"].endswith("slide1")]
    assert table(tmp_path / "out", "cells") == expected


def test_one_process_at_a_time_writes_a_folder(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    lock = WriterLock(tmp_path / "out/journal.db")
    with pytest.raises(StoreError, match=f"process {os.getpid()}"):
        analysed(slides_of(archive), tmp_path / "out", here)
    lock.release()


def test_a_full_disk_is_told_and_the_work_goes_on_elsewhere_in_time(archive: Path, plain: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (it needs root)")
    try:
        with pytest.raises(StoreError, match="full disk") as told:
            analysed(slides_of(archive), disk / "out", here)
        assert "Free some space" in told.value.fix
        subprocess.run(["mount", "-o", "remount,size=10m", str(disk)], check=True)
        assert analysed(slides_of(archive), disk / "out", here).pictures == 6
        assert tables(disk / "out") == tables(plain)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_threads_do_not_change_the_numbers(archive: Path, plain: Path, tmp_path: Path) -> None:
    analysed(slides_of(archive), tmp_path / "out", partial(run_locally, jobs=1), threads=2)
    assert tables(tmp_path / "out") == tables(plain)
