"""Earlier outputs of this program are told from files of somebody else's by form and mark."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.models.bundle import SHIPPED
from hemato_edge.output_marks import form_of, is_earlier_output, marked

if TYPE_CHECKING:
    from pathlib import Path

NOTICE = RESEARCH_USE_NOTICE.encode()
PNG = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
JPEG = cv2.imencode(".jpg", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
TABLE = b"\xef\xbb\xbfsession,field,cell,label,notice\n"


@pytest.mark.parametrize(
    ("old", "new", "ours"),
    [
        (b"", b"anything", True),
        (b"a report\n" + NOTICE, b"a later report\n" + NOTICE, True),
        (b"x" * 200_000 + NOTICE, b"a later report\n" + NOTICE, True),  # the mark stands at the end
        (b"my notes on hemato-edge", b"a report\n" + NOTICE, False),
        (b"# settings of hemato-edge", b"# Prometheus. " + NOTICE, False),
        (b"<!doctype html>" + NOTICE, b"White-cell differential\n" + NOTICE, False),  # of another form
        (TABLE + b"1,1,1,neutrophil,", TABLE + b"2,1,1,monocyte,", True),
        (TABLE.replace(b"cell", b"patient"), TABLE, False),
        (b"a,b\n1,2\n", b"a,b\n3,4\n", False),  # too few columns to say anything
        (b'{"format": 1, "key": "", "signature": ""}', b'{"format": 1, "key": "k", "signature": "s"}', True),
        (b'{"format": 1, "key": ""}', b'{"format": 1, "key": "k", "signature": "s"}', False),
        (b'{"type": "FeatureCollection", "features": []}', b'{"type": "", "features": []}', False),
        (b'{"program": "hemato-edge", "features": []}', b'{"type": "", "features": []}', True),
        (b"[" * 100_000, b'{"format": 1}', False),
        (PNG, marked(PNG), False),
        (marked(PNG), marked(PNG), True),
        (JPEG, marked(JPEG), False),
        (marked(JPEG), marked(JPEG), True),
        (marked(JPEG), marked(PNG), False),
        (b"SQLite format 3\0" + NOTICE, b"SQLite format 3\0" + NOTICE, False),
        (b"SQLite format 3\0" + NOTICE, b"a report" + NOTICE, False),
    ],
)
def test_only_what_has_the_same_form_and_the_mark_is_ours(tmp_path: Path, old: bytes, new: bytes, ours: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(old)
    assert is_earlier_output(path, new) is ours


def test_a_database_of_ours_is_no_output(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cells.db") as database:
        database.execute("create table x (program text)")
        database.execute("insert into x values (?)", (RESEARCH_USE_NOTICE,))
    assert not is_earlier_output(tmp_path / "cells.db", b"a report\n" + NOTICE)


def test_a_model_is_replaced_by_a_model_alone(tmp_path: Path) -> None:
    bundle = next(SHIPPED.glob("*.tflite"))
    head = bundle.read_bytes()[:100]
    assert is_earlier_output(bundle, head)
    assert not is_earlier_output(bundle, json.dumps({"program": "hemato-edge"}).encode())
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(head)
    assert not is_earlier_output(bare, head)


def test_a_workbook_is_ours_by_its_author(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.save(tmp_path / "theirs.xlsx")
    book.properties.creator = "hemato-edge"
    book.save(tmp_path / "ours.xlsx")
    assert not is_earlier_output(tmp_path / "theirs.xlsx", b"PK\x03\x04")
    assert is_earlier_output(tmp_path / "ours.xlsx", b"PK\x03\x04")


@pytest.mark.parametrize("content", [PNG, JPEG])
def test_a_marked_picture_has_the_same_pixels(content: bytes) -> None:
    whole = marked(content)
    assert len(whole) > len(content)
    first, second = (cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (content, whole))
    assert np.array_equal(first, second)
    assert form_of(whole) == form_of(content)
