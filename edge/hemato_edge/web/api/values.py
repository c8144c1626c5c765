"""What the API answers, as frozen values; their annotations are the OpenAPI document's schemas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the schemas are made from the annotations
from typing import TYPE_CHECKING, Any

from hemato_edge.about import RESEARCH_USE_NOTICE

if TYPE_CHECKING:
    from hemato_edge.store.records import CellRecord, SessionRecord
    from hemato_edge.web.sources.tally import Tally


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One session.

    Attributes:
        id: its number.
        label: the person's name for the sample; may be empty.
        state: "running", "finished" or "interrupted".
        started_utc, ended_utc: when.
        target: white cells to count; null for no end.
        classified: white cells with a class; `doubtful` are those without.
        counts: class → cells, as they count now.
        verified: whether this microscope was verified, in words.
    """

    id: int
    label: str
    state: str
    started_utc: datetime
    ended_utc: datetime | None
    target: int | None
    classified: int
    doubtful: int
    counts: dict[str, int]
    verified: str

    @staticmethod
    def of(record: SessionRecord, tally: Tally) -> SessionLine:
        """From what the store has."""
        return SessionLine(
            record.id,
            record.label,
            record.state,
            record.started_utc,
            record.ended_utc,
            tally.target,
            tally.classified,
            tally.doubtful,
            {key.label: key.count for key in tally.keys},
            tally.verified,
        )


@dataclass(frozen=True, slots=True)
class Sessions:
    """The newest sessions; `more` is the number to ask for with `before`, or null where there are no older ones."""

    sessions: list[SessionLine]
    more: int | None
    notice: str = RESEARCH_USE_NOTICE


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell that counts.

    Attributes:
        field, cell: which one; the cell's number counts from 0 in its field.
        name: what it counts as: the person's word, else the machine's.
        machine: the machine's answer, which is never changed; "unclassified" where it was in doubt.
        best, confidence: the machine's best guess and its calibrated probability.
        probabilities: class → calibrated probability.
        named: whether a person named or confirmed it.
        region, x_px, y_px: centre on the slide, pixels of its region.
        picture: whether a picture of it was kept.
        attributes: morphological attribute → value, those of which the model was sure.
    """

    field: int
    cell: int
    name: str
    machine: str
    best: str
    confidence: float
    probabilities: dict[str, float]
    named: bool
    region: int | None
    x_px: float
    y_px: float
    picture: bool
    attributes: dict[str, str]

    @staticmethod
    def of(record: CellRecord, picture: bool) -> Cell:
        """From what the store has."""
        return Cell(
            record.field,
            record.number,
            record.name,
            record.label,
            record.best,
            record.confidence,
            record.probabilities,
            record.relabelled is not None,
            record.region,
            record.x_px,
            record.y_px,
            picture,
            {one.name: one.value for one in record.attributes},
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of a session in the order of recording; `more` is what to ask for with `skip`, or null at the end."""

    session: int
    cells: list[Cell]
    more: int | None
    notice: str = RESEARCH_USE_NOTICE


@dataclass(frozen=True, slots=True)
class Judged:
    """One picture from outside.

    Attributes:
        name: what the sender called it.
        answer: as `classify --jsonl` or `analyze --jsonl` writes it; with "error" where it could not be read.
    """

    name: str
    answer: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JudgedPictures:
    """Pictures from outside; nothing of them is counted.

    Attributes:
        kind: "cell" or "field".
        seconds: how long it took.
        result: address of the page that shows the same; it is removed after a while.
    """

    kind: str
    seconds: float
    pictures: list[Judged]
    result: str
    notice: str = RESEARCH_USE_NOTICE


@dataclass(frozen=True, slots=True)
class Run:
    """What the run on this device does.

    Attributes:
        phase: "waiting", "counting", "ending"; "shut" where none runs.
        session: the one that is counted, or null.
        target: white cells it counts; null for no end, or without one.
        camera: the camera's state in a word, or null.
    """

    phase: str
    session: int | None
    target: int | None
    camera: str | None
    notice: str = RESEARCH_USE_NOTICE


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request is not answered, and what to do."""

    error: str
    fix: str
    notice: str = RESEARCH_USE_NOTICE
