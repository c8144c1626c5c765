"""What people bring back or keep beside the database: folders of sorted cells, calibration profiles, old databases."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from damage import damaged
from hypothesis import example, given
from hypothesis import strategies as st
from recorded import record

from hemato_edge.calibration.flat_field import NODES, FlatFieldMap
from hemato_edge.calibration.profile import ControlsPart, FlatFieldPart, Profile, ScalePart
from hemato_edge.calibration.profiles import ProfileFolder
from hemato_edge.errors import CalibrationError, DataError, HematoEdgeError, StoreError
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import SessionRecord
from hemato_edge.views.images.class_folders import INDEX, TRAINING_SET, export_cells, export_training, read_folder

NUMBERS = st.one_of(st.integers(0, 3).map(str), st.text("0123456789", min_size=1, max_size=5000))
NAMES = st.one_of(
    st.builds("s{}-f{}-c{}.jpg".format, NUMBERS, NUMBERS, NUMBERS).filter(lambda name: len(name) < 250),
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
        lambda name: name not in (".", "..") and len(name.encode()) < 200
    ),
)


SESSION = json.dumps(
    {"session": 1, "started_utc": "2026-03-01T12:00:00+00:00", "boot_id": "x", "model_sha256": "ab" * 32}, indent=1
).encode()


def refused_well(error: HematoEdgeError) -> None:
    """An error that a person can act on, in one line."""
    assert error.message and error.fix  # noqa: PT018 -- one thing to say
    assert "\n" not in str(error)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "x.db"
    record(path, ["neutrophil", "lymphocyte", "monocyte", "platelet"], pictures=True)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("records")


@pytest.fixture(scope="module")
def session(database: Path) -> SessionRecord:
    with Reader(database) as reader:
        return reader.session()


@pytest.fixture(scope="module")
def exported(database: Path, folder: Path) -> Path:
    """A folder that `review export` wrote."""
    place = folder / "cells"
    with Reader(database) as reader:
        assert export_cells(reader, reader.session(), reader.cells(1), place) == 4
    return place


@given(st.one_of(st.binary(max_size=200), damaged(SESSION)))
@example(b"[" * 100_000)
@example(b"\xff")
def test_a_damaged_session_file(exported: Path, session: SessionRecord, content: bytes) -> None:
    index = exported / INDEX
    good = index.read_bytes()
    index.write_bytes(content)
    try:
        read_folder(session, exported)
    except DataError as error:
        refused_well(error)
    finally:
        index.write_bytes(good)


@given(st.sampled_from(["neutrophil", "unclassified", "x", "Neutrophil"]), NAMES)
@example("neutrophil", "\n")
@example("neutrophil", "\x1b[2J")
def test_any_file_in_a_folder_of_cells(exported: Path, session: SessionRecord, label: str, name: str) -> None:
    place = exported / label / name
    was_there = place.parent.exists()
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        return
    place.write_bytes(b"")
    try:
        read_folder(session, exported)
    except DataError as error:
        refused_well(error)
    finally:
        place.unlink()
        if not was_there:
            place.parent.rmdir()


@given(st.one_of(st.binary(max_size=200), damaged(b"image,label,split\r\na.jpg,neutrophil,train\r\n")))
@example(b"image,label,split\n" + b"x" * 140_000)
@example(b"image,label,split\na,b,c,d,e\n")
@example(b"image,label,split\na\n")
def test_any_index_of_reviewed_cells(database: Path, folder: Path, content: bytes) -> None:
    target = folder / TRAINING_SET
    target.mkdir(exist_ok=True)
    (target / "index.csv").write_bytes(content)
    with Reader(database) as reader:
        try:
            export_training(reader, [], folder)
        except DataError as error:
            refused_well(error)


NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
PROFILE = (
    Profile(
        name="40x",
        frame_size=(640, 480),
        scale=ScalePart(um_per_px=0.1, um_per_px_uncertainty=0.001, method="stage", source="x", created=NOW),
        flat_field=FlatFieldPart.of(FlatFieldMap(np.full((*NODES, 3), 1.2, np.float32), 10, 0.01), NOW),
        controls=ControlsPart(driver="picamera2", values={"AeEnable": False, "ColourGains": [1.5, 2.0]}, created=NOW),
    )
    .model_dump_json(indent=1)
    .encode()
)


def test_the_profile_that_is_damaged_is_a_good_one(folder: Path) -> None:
    (folder / "40x.json").write_bytes(PROFILE)
    assert ProfileFolder(folder).load("40x").controls is not None


@given(st.one_of(st.binary(max_size=300), damaged(PROFILE)))
@example(b"[" * 100_000)
@example(b'{"format": ' + b"9" * 5000 + b"}")
@example(b"[]")
def test_any_calibration_profile(folder: Path, content: bytes) -> None:
    place = folder / "profiles"
    place.mkdir(exist_ok=True)
    (place / "40x.json").write_bytes(content)
    try:
        ProfileFolder(place).load("40x")
    except CalibrationError as error:
        refused_well(error)


@given(st.data())
def test_a_damaged_database(database: Path, folder: Path, data: st.DataObject) -> None:
    path = folder / "damaged.db"
    path.write_bytes(data.draw(damaged(database.read_bytes())))
    try:
        with Reader(path) as reader:
            for found in reader.sessions():
                reader.totals(found.id)
                reader.tallies(found.id)
                reader.regions(found.id)
                list(reader.fields(found.id))
                for cell in reader.cells(found.id):
                    reader.portrait(cell.session, cell.field, cell.number)
                reader.relabels(found.id)
    except StoreError as error:
        refused_well(error)
