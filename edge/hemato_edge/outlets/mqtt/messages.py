"""The messages about a session: two kinds, each a summary that replaces the one before it.

`session` says which session it is and whether it runs; `counts` says what it has counted. Both give absolute values,
never increments, so a message that comes twice changes nothing, and the newest one says all.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.counting.differential import differential
from hemato_edge.labels import CLASSIFIER_LABELS, LEUKOCYTES, UNCLASSIFIED
from hemato_edge.site.record import confusions_of, line_of, unanswered_by

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from hemato_edge.store.records import SessionRecord, Totals

SESSION, COUNTS = "session", "counts"
"""The kinds of messages, and the last part of their topics."""
STATE = "state"
"""The last part of the topic on which the broker says whether the device is online."""
_KEY_DIGITS = 16
_DIGITS = 2


def session_key(record: SessionRecord) -> str:
    """A name of a session that no other database or device has: of its number and its start on three clocks."""
    start = (record.id, record.started_utc.isoformat(), record.started_monotonic_s, record.boot_id)
    return hashlib.sha256(json.dumps(start).encode()).hexdigest()[:_KEY_DIGITS]


def message_id(epoch: str, key: str, kind: str, sequence: int) -> str:
    """The id of a message; the same message has the same id however often it is sent.

    Args:
        epoch: the outbox's own; a new outbox begins to number anew.
        key: of the session.
        kind: `SESSION` or `COUNTS`.
        sequence: from 1 within session and kind.
    """
    return f"{epoch}-{key}-{kind}-{sequence}"


def session_content(record: SessionRecord, *, with_label: bool) -> dict[str, object]:
    """Content of a `session` message without its envelope; the sample's label, which may name a person, if asked."""
    return {
        "state": record.state,
        "started_utc": _iso(record.started_utc),
        "ended_utc": None if record.ended_utc is None else _iso(record.ended_utc),
        **({"label": record.label} if with_label else {}),
        "target": record.target,
        "model": {"name": record.model_name, "sha256": record.model_sha256},
        "settings_sha256": record.settings_sha256,
        "versions": {"hemato-edge": record.versions.get("hemato-edge")},
        "verification": line_of(record),
    }


def counts_content(record: SessionRecord, totals: Totals) -> dict[str, object]:
    """Content of a `counts` message without its envelope: the totals that are on disk, and the differential of them.

    Its intervals are the report's: they cover the classifier's known errors where the session's model has a matrix.
    """
    found = differential(totals.labels, totals.reviewed, confusions_of(record), None, unanswered_by(record, totals))
    low, high = found.erythroblasts_interval or (None, None)
    return {
        "state": record.state,
        "fields": totals.fields,
        "frames": {"read": totals.frames, "dropped": totals.dropped, "rejected": totals.rejected},
        "counts": {"wbc": totals.wbc, "rbc": totals.rbc, "platelet": totals.platelet},
        "classified": sum(totals.labels.get(label, 0) for label in LEUKOCYTES),
        "labels": {label: totals.labels.get(label, 0) for label in (*CLASSIFIER_LABELS, UNCLASSIFIED)},
        "differential": [
            {
                "label": row.label,
                "count": row.count,
                "percent": _rounded(row.percent),
                "ci_low": _rounded(row.ci_low),
                "ci_high": _rounded(row.ci_high),
            }
            for row in found.rows
        ],
        "nucleated_red_cells": {
            "count": found.erythroblasts,
            "per_100_wbc": _rounded(found.erythroblasts_per_100),
            "ci_low": _rounded(low),
            "ci_high": _rounded(high),
        },
        "reviewed": sum(totals.reviewed.values()),
        "verification": line_of(record),
    }


def envelope(
    identity: str, kind: str, sequence: int, device: str, session: tuple[int, str], made_utc: datetime
) -> dict[str, object]:
    """The fields that every message begins with.

    Args:
        identity: from `message_id`.
        kind: see `message_id`.
        sequence: see `message_id`.
        device: the device's name.
        session: its number in this device's database, and its key.
        made_utc: the wall clock when the message was made.
    """
    return {
        "id": identity,
        "kind": kind,
        "sequence": sequence,
        "device": device,
        "made_utc": _iso(made_utc),
        "session": {"number": session[0], "key": session[1]},
        "notice": RESEARCH_USE_NOTICE,
    }


def canonical(content: Mapping[str, object]) -> str:
    """JSON text that is the same for the same content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(content: Mapping[str, object]) -> str:
    """Digest of a message's content: equal when there is nothing new to send."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
