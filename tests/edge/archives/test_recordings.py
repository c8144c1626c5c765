"""Videos count as `hemato-edge run` counts them; stored cells are named anew beside what was recorded of them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cv2
import pytest
from archived import never, stricter_model
from recorded import NOON, record
from waiting import DEADLINE_S

from hemato_edge.archives.examining import examine
from hemato_edge.archives.rows import TABLES, Findings
from hemato_edge.archives.sources import sessions_in, sources_in
from hemato_edge.archives.terms import terms_of
from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.settings import load_settings
from hemato_edge.store.reader import Reader
from hemato_edge.store.writer import open_writer

FRAMES = 20


def rows(findings: Findings, table: str) -> list[dict[str, object]]:
    names = [column.name for column in TABLES[table]]
    return [dict(zip(names, row, strict=True)) for row in findings.rows[table]]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A walk over the drawn slide."""
    path = tmp_path_factory.mktemp("video") / "walk.avi"
    with OpenCamera(DemoCamera(3)) as camera:
        frames = [camera.read(DEADLINE_S).image for _ in range(FRAMES)]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def examined(path: Path) -> Findings:
    (source,) = sources_in([path], recursive=False, each=False, failed=never)
    return examine(terms_of(load_settings()), source)


@pytest.fixture(scope="module")
def counted(video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the pictures of its cells."""
    folder = tmp_path_factory.mktemp("counted")
    command = [sys.executable, "-m", "hemato_edge.cli.main", "run", "--camera", str(video)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HEMATO_EDGE_", "XDG_"))}
    done = subprocess.run(
        [*command, "--db", str(folder / "records.db"), "--no-display"],
        env=environment | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "records.db"


@pytest.mark.slow
def test_a_video_counts_as_a_run_over_it(video: Path, counted: Path) -> None:
    findings = examined(video)
    with Reader(counted) as reader:
        totals = reader.totals(1)
        recorded = [(cell.field, cell.label, cell.box) for cell in reader.counted(1)]
        fields = list(reader.fields(1))
    found = [
        (row["field"], row["label"], tuple(row[side] for side in ("x0", "y0", "x1", "y1")))
        for row in rows(findings, "cells")
    ]
    assert len(found) > 5
    assert found == recorded
    assert [row["frame"] for row in rows(findings, "fields")] == [field.frame_index for field in fields]
    (counts,) = rows(findings, "counts")
    assert counts["counted_rbc"] == totals.rbc > 30
    assert counts["rejected"] == sum(totals.rejected.values())
    assert {name: counts[name] for name in totals.labels if totals.labels[name]} == {
        name: cells for name, cells in totals.labels.items() if cells
    }


def test_a_video_that_is_cut_off_is_analysed_as_far_as_it_goes(video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.avi"
    whole = video.read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    findings = examined(cut)
    assert findings.pictures
    assert findings.failed == 1
    assert "frames were skipped" in str(rows(findings, "failures")[0]["reason"])


def session(path: Path, **terms: object) -> Findings:
    (source,) = sessions_in(path, [1], never)
    settings = load_settings(overrides={"model.path": terms.get("model")})
    return examine(terms_of(settings), source)


@pytest.mark.slow
def test_stored_cells_get_answers_beside_the_recorded_ones(counted: Path, tmp_path: Path) -> None:
    with open_writer(counted) as writer:
        writer.relabel(1, 0, 0, "basophil", "Ada", NOON)
    cells = rows(session(counted), "cells")
    with Reader(counted) as reader:
        recorded = list(reader.counted(1))
    assert [row["recorded"] for row in cells] == [cell.label for cell in recorded]
    assert [row["reviewed"] for row in cells] == [cell.relabelled for cell in recorded]
    assert cells[0]["reviewed"] == "basophil"
    same = [row["label"] == row["recorded"] for row in cells]
    assert sum(same) >= 0.8 * len(cells) > 4  # the picture is a JPEG of what was judged
    strict = rows(session(counted, model=stricter_model(tmp_path / "stricter.tflite")), "cells")
    assert [row["best"] for row in strict] == [row["best"] for row in cells]
    assert sum(row["label"] == "unclassified" for row in strict) > sum(row["label"] == "unclassified" for row in cells)


def test_cells_without_a_picture_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"] * 4)
    (counts,) = rows(session(path), "counts")
    assert (counts["counted_wbc"], counts["without_picture"], counts["neutrophil"]) == (4, 4, 0)
    assert (counts["counted_rbc"], counts["counted_platelet"], counts["fields"]) == (100, 7, 2)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    record(path, ["neutrophil"] * 4, pictures=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE portraits SET jpeg = x'00' WHERE field = 1 AND cell = 0")
        connection.commit()
    findings = session(path)
    assert [row["file"] for row in rows(findings, "failures")] == [f"{path}#1/1/0"]
    assert len(rows(findings, "cells")) == 3
