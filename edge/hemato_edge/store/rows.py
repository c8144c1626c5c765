"""Between values and table rows, both ways. Whatever number type comes in, plain ones go to SQLite."""

from __future__ import annotations

import functools
import json
import math
import sqlite3
import struct
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

from hemato_edge.escaped import as_utf8
from hemato_edge.labels import CLASSIFIER_LABELS, KINDS
from hemato_edge.morphology import SUBTYPES, Attribute, confident, of_class
from hemato_edge.store import stored_values as stored
from hemato_edge.store.recorded_settings import control_lot
from hemato_edge.store.records import (
    Approval,
    CellRecord,
    Deletion,
    FieldRecord,
    Place,
    PortraitRecord,
    Relabel,
    SessionRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hemato_edge.values import Cell, FieldResult, Portrait

    Made = TypeVar("Made")


def damage_of_a_row(make: Callable[..., Made]) -> Callable[..., Made]:
    """What a row says that nobody wrote (no date, no JSON), or lacks, is damage to us."""

    @functools.wraps(make)
    def made(*arguments: object) -> Made:
        try:
            return make(*arguments)
        except (ValueError, TypeError, LookupError, struct.error, RecursionError) as error:
            raise sqlite3.DatabaseError(f"malformed row: {error}") from error

    return made


def field_row(session: int, number: int, result: FieldResult) -> dict[str, object]:
    """Column → value of one field; `number` counts from 0 within the session.

    Raises:
        ValueError: its time has no zone.
    """
    pose = result.pose
    return {
        "session": session,
        "number": number,
        "frame_index": int(result.frame_index),
        "utc": iso(result.utc),
        "monotonic_s": float(result.monotonic_s),
        "source": as_utf8(result.source),
        "width": int(result.width),
        "height": int(result.height),
        "region": None if pose is None else int(pose.region),
        "x_px": None if pose is None else float(pose.x_px),
        "y_px": None if pose is None else float(pose.y_px),
        "pose_confidence": None if pose is None else float(pose.confidence),
        **{f"seen_{kind}": int(result.seen.get(kind, 0)) for kind in KINDS},
        "new_rbc": int(result.new_red_cells),
        "new_platelet": int(result.new_platelets),
        "quality": _measures_json(result.quality.measures),
        "latency_ms": _measures_json(result.latency_ms),
    }


def cell_row(session: int, field: int, number: int, cell: Cell) -> dict[str, object]:
    """Column → value of one cell; `number` counts from 0 within the field.

    Raises:
        ValueError: it does not have one probability a label.
    """
    judgement = cell.judgement
    if len(judgement.probabilities) != len(CLASSIFIER_LABELS):
        msg = f"{len(judgement.probabilities)} probabilities for {len(CLASSIFIER_LABELS)} labels"
        raise ValueError(msg)
    x0, y0, x1, y1 = (float(side) for side in cell.box)
    return {
        "session": session,
        "field": field,
        "number": number,
        "x_px": float(cell.x_px),
        "y_px": float(cell.y_px),
        **{"x0": x0, "y0": y0, "x1": x1, "y1": y1},
        "diameter_px": float(cell.diameter_px),
        "score": float(cell.score),
        "label": judgement.label,
        "best": judgement.best,
        "confidence": float(judgement.confidence),
        "probabilities": struct.pack(f"<{len(CLASSIFIER_LABELS)}f", *judgement.probabilities),
        "attributes": _attributes_json(confident(judgement.attributes, judgement.label)),
    }


@damage_of_a_row
def session_record(row: sqlite3.Row) -> SessionRecord:
    """A row of `sessions`, as it stands there."""
    labels, settings = stored.names(row["classifier_labels"]), stored.mapping(row["settings"])
    return SessionRecord(
        id=row["id"],
        state=row["state"],
        started_utc=datetime.fromisoformat(row["started_utc"]),
        started_monotonic_s=stored.seconds(row["started_monotonic_s"]),
        boot_id=row["boot_id"],
        ended_utc=datetime.fromisoformat(row["ended_utc"]) if row["ended_utc"] else None,
        camera=row["camera"],
        label=row["label"],
        target=row["target"],
        model_name=row["model_name"],
        model_sha256=stored.words(row["model_sha256"]),
        classifier_labels=labels,
        settings=settings,
        settings_sha256=row["settings_sha256"],
        versions=stored.texts(row["versions"]),
        red_cell_px=stored.finite(row["red_cell_px"]),
        stain=stored.mapping(row["stain"]) if row["stain"] else None,
        confusion=stored.confusion(row["confusion"], len(labels)) if row["confusion"] else None,
        ended_because=row["ended_because"],
        control=control_lot(settings),
    )


@damage_of_a_row
def field_record(row: sqlite3.Row) -> FieldRecord:
    """A row of `fields`, with the number of its cells as `new_cells`."""
    return FieldRecord(
        session=row["session"],
        number=row["number"],
        frame_index=row["frame_index"],
        utc=datetime.fromisoformat(row["utc"]),
        monotonic_s=stored.seconds(row["monotonic_s"]),
        source=row["source"],
        width=stored.side_px(row["width"]),
        height=stored.side_px(row["height"]),
        region=row["region"],
        x_px=stored.place_px(row["x_px"]),
        y_px=stored.place_px(row["y_px"]),
        pose_confidence=stored.finite(row["pose_confidence"]),
        seen={kind: stored.count(row[f"seen_{kind}"]) for kind in KINDS},
        new_rbc=stored.count(row["new_rbc"]),
        new_platelet=stored.count(row["new_platelet"]),
        new_cells=row["new_cells"],
        quality=stored.measures(row["quality"]),
        latency_ms=stored.measures(row["latency_ms"]),
    )


@damage_of_a_row
def cell_record(row: sqlite3.Row, labels: tuple[str, ...]) -> CellRecord:
    """A row of `cells`, with `source` and `region` of its field and what it was joined to; `labels`: see there."""
    probabilities = struct.unpack(f"<{len(labels)}f", row["probabilities"])
    return CellRecord(
        session=row["session"],
        field=row["field"],
        number=row["number"],
        source=row["source"],
        region=row["region"],
        x_px=row["x_px"],
        y_px=row["y_px"],
        box=(row["x0"], row["y0"], row["x1"], row["y1"]),
        diameter_px=row["diameter_px"],
        score=row["score"],
        label=stored.class_name(row["label"]),
        best=stored.class_name(row["best"]),
        confidence=stored.share(row["confidence"]),
        probabilities=dict(zip(labels, probabilities, strict=True)),
        relabelled=None if row["relabelled"] is None else stored.class_name(row["relabelled"]),
        attributes=of_class(_attributes(row["attributes"]), row["relabelled"] or row["label"]),
        joined=None if row["kept_field"] is None else (row["kept_field"], row["kept_cell"]),
    )


def portrait_row(session: int, field: int, number: int, portrait: Portrait) -> dict[str, object]:
    """Column → value of one cell's picture."""
    activation = portrait.activation
    return {
        "session": session,
        "field": field,
        "cell": number,
        "jpeg": portrait.jpeg,
        "activation": None if activation is None else activation.tobytes(),
        "activation_columns": None if activation is None else int(activation.shape[1]),
    }


@damage_of_a_row
def described_count(row: sqlite3.Row) -> tuple[str, str, str, int]:
    """Class, attribute, value, and how many cells of the class have it."""
    name, attribute, value, count = row
    if not isinstance(attribute, str):
        msg = "attributes are no JSON object"
        raise TypeError(msg)
    return stored.class_name(name), attribute, str(value), count


@damage_of_a_row
def description(row: sqlite3.Row) -> dict[str, str]:
    """The name, comment and lot of control that an entry of a chain gives a session, as far as it does."""
    said = stored.mapping(row["said"])
    return {name: str(said[name]) for name in ("label", "comment", "control") if name in said}


@damage_of_a_row
def approval_record(row: sqlite3.Row, newest_change: int) -> Approval:
    """An approval that an entry of a chain says; `newest_change`: number of the session's last change of a label."""
    said = stored.mapping(row["said"])
    when = datetime.fromisoformat(said["utc"])
    return Approval(str(said["who"]), when, overtaken=newest_change > int(said["newest_change"]))


@damage_of_a_row
def deletion_record(row: tuple[int, int, str, bytes]) -> Deletion:
    """A row of `deletions`: number of the session, entry, what is said, link."""
    session, entry, text, link = row
    said = stored.mapping(text)
    held = {name: stored.count(said[name]) for name in ("fields", "cells", "portraits")}
    when = datetime.fromisoformat(said["utc"])
    return Deletion(session, when, str(said["who"]), str(said["why"]), **held, entry=entry, link=bytes(link), said=text)


@damage_of_a_row
def place_record(row: sqlite3.Row) -> Place:
    """Where a counted cell lies, and what it counts as."""
    x_px, y_px, name = row
    return Place(x_px, y_px, stored.class_name(name))


@damage_of_a_row
def portrait_record(row: sqlite3.Row) -> PortraitRecord:
    """A row of `portraits`."""
    content, columns = row["activation"] or b"", row["activation_columns"] or 1
    return PortraitRecord(
        row["jpeg"], tuple(content[start : start + columns] for start in range(0, len(content), columns))
    )


@damage_of_a_row
def relabel_record(row: sqlite3.Row) -> Relabel:
    """A row of `relabels`."""
    return Relabel(
        id=row["id"],
        session=row["session"],
        field=row["field"],
        cell=row["cell"],
        utc=datetime.fromisoformat(row["utc"]),
        who=row["who"],
        before=stored.class_name(row["before"]),
        after=stored.class_name(row["after"]),
        undoes=row["undoes"],
    )


def canonical_json(value: object) -> str:
    """The same text for the same content, so that its hash means something."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def iso(utc: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond.

    Raises:
        ValueError: the time has no zone.
    """
    if utc.tzinfo is None:
        msg = "a time without a time zone"
        raise ValueError(msg)
    return utc.astimezone(timezone.utc).isoformat(timespec="milliseconds")


def _attributes_json(attributes: Sequence[Attribute]) -> str | None:
    if not attributes:
        return None
    return canonical_json({one.name: [one.value, round(one.confidence, 4)] for one in attributes})


def _attributes(text: str | None) -> tuple[Attribute, ...]:
    found = stored.mapping(text) if text else {}
    return tuple(
        Attribute(name, str(value), stored.share(sure), of=SUBTYPES[name][0] if name in SUBTYPES else None)
        for name, (value, sure) in found.items()
    )


def _measures_json(measures: Mapping[str, float]) -> str:
    """JSON has no NaN and no infinity: they become null."""
    values = {name: float(value) for name, value in measures.items()}
    return json.dumps({name: value if math.isfinite(value) else None for name, value in values.items()})
