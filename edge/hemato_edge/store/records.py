"""What goes into the store and what comes out of it. Units stand in the names; times are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from hemato_edge.labels import LEUKOCYTES

if TYPE_CHECKING:
    from datetime import datetime

    from hemato_edge.morphology import Attribute
    from hemato_edge.values import FieldResult

SETTING_CHANGED = "setting:"
"""How the tally of a setting begins that was changed while the session ran, as "setting:quality.min_focus=0.3"; its
count is the number of frames read before."""
RUNNING, FINISHED, INTERRUPTED = "running", "finished", "interrupted"
"""States of a session. Interrupted: its process was killed or lost power before it could end it."""


@dataclass(frozen=True, slots=True)
class SessionStart:
    """What is known when a session begins.

    Attributes:
        camera: the camera's SPEC, as the person gave it.
        label: the person's name for the sample; may be empty.
        target: white cells to count, or None for no end.
        model_name, model_sha256: the classifier that answers.
        settings: the effective settings, JSON-serialisable.
        versions: program and library → version.
        utc: wall clock, timezone-aware.
        monotonic_s: `time.monotonic()` at the same moment, seconds.
        confusion: the model's confusion matrix as its card has it: cells, rows truth, columns answer, both in the order
            of `labels.CLASSIFIER_LABELS`; None where it is not known.
    """

    camera: str
    label: str
    target: int | None
    model_name: str
    model_sha256: str
    settings: dict[str, object]
    versions: dict[str, str]
    utc: datetime
    monotonic_s: float
    confusion: tuple[tuple[int, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What one session has on disk.

    Attributes:
        session: its number.
        fields: fields of view recorded.
        frames: frames read from the camera, rejected ones included.
        wbc: white cells: leukocytes and unclassified cells, without erythroblasts.
        rbc: red cells.
        platelet: platelets; those that the locator found and those that the classifier named.
        labels: label → cells, with "unclassified", "erythroblast", "platelet" and "artefact": the classifier's answer,
            or what a person said instead.
        rejected: reason of the quality gate → frames.
        dropped: frames that a slow consumer never saw.
        skipped: reason → sources that could not be read.
        reviewed: label → those of `labels` that a person named or confirmed.
        joined: recorded cells that are not counted here, since they were found to be others.
    """

    session: int
    fields: int
    frames: int
    wbc: int
    rbc: int
    platelet: int
    labels: dict[str, int]
    rejected: dict[str, int]
    dropped: int
    skipped: dict[str, int]
    reviewed: dict[str, int] = field(default_factory=dict)
    joined: int = 0


def named_white(totals: Totals | None) -> int:
    """White cells with a class: what a target counts."""
    return 0 if totals is None else sum(totals.labels.get(label, 0) for label in LEUKOCYTES)


@dataclass(frozen=True, slots=True)
class Join:
    """Two recorded cells that are one and the same.

    Attributes:
        cell: field and number of the one that is to count no more.
        kept: field and number of the one that counts.
    """

    cell: tuple[int, int]
    kept: tuple[int, int]


@dataclass(frozen=True, slots=True)
class NewField:
    """One field that is to be recorded.

    Attributes:
        result: what it added.
        joins: recorded cells, its own included, that were found to be one and the same.
    """

    result: FieldResult
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One recorded session.

    Attributes:
        id: its number in this database.
        state: `RUNNING`, `FINISHED` or `INTERRUPTED`.
        started_utc, started_monotonic_s, boot_id: when, on three clocks: a Pi's wall clock may be
            wrong, and the monotonic one starts anew with every boot.
        ended_utc: None while it runs; for an interrupted session, its last field's time.
        classifier_labels: the order of the probabilities of its cells.
        settings_sha256: over the canonical JSON of `settings`.
        red_cell_px: median red-cell diameter, pixels; None if it was not estimated.
        stain: the estimated stain, or None.
        confusion: see `SessionStart`.
        ended_because: why it ended, in words; None while it runs, and where nobody could say.
        comment: what a person wrote about it afterwards; `label` is its last name likewise.
        control: the lot of the control slide that it was recorded from; "" for any other sample.
    """

    id: int
    state: str
    started_utc: datetime
    started_monotonic_s: float
    boot_id: str
    ended_utc: datetime | None
    camera: str
    label: str
    target: int | None
    model_name: str
    model_sha256: str
    classifier_labels: tuple[str, ...]
    settings: dict[str, object]
    settings_sha256: str
    versions: dict[str, str]
    red_cell_px: float | None
    stain: dict[str, object] | None
    confusion: tuple[tuple[int, ...], ...] | None
    ended_because: str | None
    comment: str = ""
    control: str = ""


@dataclass(frozen=True, slots=True)
class FieldRecord:
    """One recorded field of view.

    Attributes:
        session, number: number counts the session's fields from 0.
        region, x_px, y_px, pose_confidence: its `Pose`; all None for a field of its own.
        seen: kind → cells in the frame, known ones included.
        new_rbc, new_platelet: cells never seen before, by the locator.
        new_cells: cells never seen before that the classifier judged.
        quality: what the gate measured; None where a measure had no value.
        latency_ms: stage → milliseconds.
    """

    session: int
    number: int
    frame_index: int
    utc: datetime
    monotonic_s: float
    source: str
    width: int
    height: int
    region: int | None
    x_px: float | None
    y_px: float | None
    pose_confidence: float | None
    seen: dict[str, int]
    new_rbc: int
    new_platelet: int
    new_cells: int
    quality: dict[str, float | None]
    latency_ms: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class CellRecord:
    """One recorded, judged cell.

    Attributes:
        session, field, number: number counts the field's cells from 0.
        source, region: of its field.
        x_px, y_px: centre on the slide, in the coordinates of its region, pixels.
        box: x0 y0 x1 y1 in the frame, pixels.
        diameter_px: geometric mean of the box's sides.
        score: the locator's.
        label, best, confidence: the classifier's answer, see `values.Judgement`; never changed.
        probabilities: label → calibrated probability.
        relabelled: what a person called it last, or None.
        attributes: the morphological ones that the model was sure of, see `morphology`.
        joined: field and number of the recorded cell that this one was found to be; None where it counts itself.
    """

    session: int
    field: int
    number: int
    source: str
    region: int | None
    x_px: float
    y_px: float
    box: tuple[float, float, float, float]
    diameter_px: float
    score: float
    label: str
    best: str
    confidence: float
    probabilities: dict[str, float]
    relabelled: str | None
    joined: tuple[int, int] | None = None
    attributes: tuple[Attribute, ...] = ()

    @property
    def name(self) -> str:
        """What it counts as: the person's word, else the machine's."""
        return self.relabelled or self.label


@dataclass(frozen=True, slots=True)
class PortraitRecord:
    """The stored picture of a cell.

    Attributes:
        jpeg: see `values.Portrait`.
        activation: rows of bytes, 255 where most spoke for `best`; empty where it is not known.
    """

    jpeg: bytes
    activation: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """That a person approved a session.

    Attributes:
        who: the person.
        utc: when.
        overtaken: whether a label was changed since, so that what was approved no longer stands.
    """

    who: str
    utc: datetime
    overtaken: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """The trace of a session that a person deleted.

    Attributes:
        session: its number.
        utc: when it was deleted.
        who: the person.
        why: the reason.
        fields, cells, portraits: how much it held.
        entry: the place of the trace in its chain.
        link: of the trace.
        said: what the trace says, as it is hashed (JSON).
    """

    session: int
    utc: datetime
    who: str
    why: str
    fields: int
    cells: int
    portraits: int
    entry: int
    link: bytes
    said: str

    def __str__(self) -> str:
        when = self.utc.isoformat(" ", "seconds").removesuffix("+00:00")
        return (
            f"session {self.session} was deleted on {when} UTC by {self.who}: {self.why} "
            f"({self.fields} fields, {self.cells} recorded cells)"
        )


@dataclass(frozen=True, slots=True)
class Relabel:
    """One change of a cell's label by a person, or the undoing of one.

    Attributes:
        id: its number in this database; they grow.
        session, field, cell: of which cell.
        utc: when.
        who: the person.
        before, after: what the cell counted as.
        undoes: the `id` of the change that this one took back, or None.
    """

    id: int
    session: int
    field: int
    cell: int
    utc: datetime
    who: str
    before: str
    after: str
    undoes: int | None


class Footprint(NamedTuple):
    """What a field covers of the slide: upper left corner and sides in the coordinates of its region, pixels."""

    region: int
    x_px: float
    y_px: float
    width: int
    height: int


class Place(NamedTuple):
    """Where a counted cell lies on the slide, in the coordinates of its region (pixels), and what it counts as."""

    x_px: float
    y_px: float
    name: str
