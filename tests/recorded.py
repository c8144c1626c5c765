"""Results with known content for tests of the store and of what reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.morphology import Attribute
from hemato_edge.store.writer import SessionStart, open_writer
from hemato_edge.values import Cell, FieldResult, Judgement, Portrait, Pose, Quality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def session_start(**changes: object) -> SessionStart:
    values: dict[str, object] = {
        "camera": "demo",
        "label": "sample 12",
        "target": 100,
        "model_name": "classifier",
        "model_sha256": "ab" * 32,
        "settings": {"camera": {"spec": "demo"}},
        "versions": {"hemato-edge": "0.1.0"},
        "utc": NOON,
        "monotonic_s": 5.0,
    }
    return SessionStart(**{**values, **changes})  # type: ignore[arg-type]


def cell(label: str, x_px: float = 10.0) -> Cell:
    """A cell with the answer `label`; of an unclassified one the best guess is a lymphocyte."""
    best = "lymphocyte" if label == UNCLASSIFIED else label
    probabilities = np.full(len(CLASSIFIER_LABELS), 0.02, np.float32)
    probabilities[CLASSIFIER_LABELS.index(best)] = 0.86
    # numpy scalars on purpose: they are what the pipeline computes with
    return Cell(np.float32(x_px), 20.5, (1.0, 2.0, 31.0, 42.0), np.float32(34.6), np.float32(0.9),  # type: ignore[arg-type]
                Judgement(label, best, 0.86, probabilities))  # fmt: skip


def field_result(
    index: int,
    labels: Sequence[str] = (),
    *,
    rbc: int = 0,
    platelet: int = 0,
    region: int | None = 0,
    source: str = "demo",
) -> FieldResult:
    return FieldResult(
        frame_index=index,
        utc=NOON + timedelta(seconds=index),
        monotonic_s=5.0 + index,
        source=source,
        width=640,
        height=480,
        pose=None if region is None else Pose(region, 3.0 * index, 0.0, 0.9),
        seen={"wbc": len(labels), "rbc": rbc, "platelet": platelet},
        new_cells=tuple(cell(label, 10.0 + i) for i, label in enumerate(labels)),
        new_red_cells=np.int64(rbc),  # type: ignore[arg-type]
        new_platelets=platelet,
        quality=Quality(None, {"focus": np.float32(0.5), "unknown": float("nan")}),  # type: ignore[dict-item]
        latency_ms={"locate": 3.0},
    )


def portrait() -> Portrait:
    """A small real picture with an activation that speaks for its upper right."""
    image = np.full((192, 192, 3), (210, 200, 225), np.uint8)
    cv2.circle(image, (96, 96), 30, (140, 30, 90), -1)
    return Portrait(cv2.imencode(".jpg", image)[1].tobytes(), np.array([[0, 64, 255], [0, 0, 128]], np.uint8))


def with_portraits(result: FieldResult) -> FieldResult:
    """The same result with a picture of each cell."""
    return replace(result, new_cells=tuple(replace(found, portrait=portrait()) for found in result.new_cells))


GRANULES = (Attribute("granule_type", "small", 0.99), Attribute("granule_colour", "pink", 0.93))
SHAPE = (Attribute("nucleus_shape", "segmented-multilobed", 0.95), Attribute("cell_size", "big", 0.6))
"""Of the size the model is not sure."""


def record_described(path: Path) -> int:
    """A session of four neutrophils with pictures: all have small pink granules, three a multilobed nucleus."""
    plain = with_portraits(field_result(0, ["neutrophil"] * 4))
    cells = tuple(
        replace(cell, judgement=replace(cell.judgement, attributes=GRANULES if i == 0 else (*SHAPE, *GRANULES)))
        for i, cell in enumerate(plain.new_cells)
    )
    with open_writer(path) as writer:
        session = writer.start_session(session_start())
        writer.commit_field(session, replace(plain, new_cells=cells), {})
        writer.end_session(session, "finished", NOON + timedelta(minutes=2))
    return session


FORM = {"neutrophil_form": [[23, 2, 42], [2, 23, 41]]}
"""Of a card: held-out cells by truth and answer, band, segmented and not told."""


def record_band_cells(path: Path) -> int:
    """A session of ten neutrophils, one told to be a band cell and seven segmented, and a lymphocyte."""
    forms = ["band"] + ["segmented"] * 7
    told = [(Attribute("neutrophil_form", form, 0.93, least=0.87, of="neutrophil"),) for form in forms]
    plain = field_result(0, ["neutrophil"] * 10 + ["lymphocyte"])
    attributes = [*told, (), (Attribute("neutrophil_form", "band", 0.7, least=0.87, of="neutrophil"),), told[0]]
    cells = tuple(
        replace(cell, judgement=replace(cell.judgement, attributes=own))
        for cell, own in zip(plain.new_cells, attributes, strict=True)
    )
    with open_writer(path) as writer:
        session = writer.start_session(session_start(settings={"subtypes": FORM}))
        writer.commit_field(session, replace(plain, new_cells=cells), {})
        writer.end_session(session, "finished", NOON + timedelta(minutes=2))
    return session


def varied_field(index: int) -> FieldResult:
    """The field that a long run commits at `index`: different each time, the same every time it is asked for."""
    answers = (*CLASSIFIER_LABELS, UNCLASSIFIED)
    labels = [answers[(index * 5 + i) % len(answers)] for i in range(index % 4)]
    return field_result(index, labels, rbc=index % 7, platelet=index % 3)


def varied_tallies(fields: int) -> dict[str, int]:
    """The tallies that go with the `fields`-th field of a long run."""
    return {"frames": 2 * fields, "dropped": fields // 5, "rejected:out_of_focus": fields // 3}


def record(
    path: Path,
    labels: Sequence[str],
    *,
    pictures: bool = False,
    tallies: Mapping[str, int] | None = None,
    **changes: object,
) -> int:
    """A finished session with these cells, in two fields, and with more tallies."""
    half = len(labels) // 2
    dress = with_portraits if pictures else lambda result: result
    with open_writer(path) as writer:
        session = writer.start_session(session_start(**changes))
        writer.commit_field(session, dress(field_result(0, labels[:half], rbc=40, platelet=3)), {"frames": 1})
        writer.commit_field(
            session,
            dress(field_result(3, labels[half:], rbc=60, platelet=4)),
            {"frames": 4, "dropped": 1, "rejected:out_of_focus": 1, **(tallies or {})},
        )
        writer.record_optics(session, 41.5, {"level": 0.8})
        writer.end_session(session, "finished", NOON + timedelta(minutes=2))
    return session
