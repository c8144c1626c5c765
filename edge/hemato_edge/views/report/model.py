"""The report of one session: what every format of it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - the page's JSON Schemas are made from the annotations
from typing import TYPE_CHECKING

from hemato_edge.site.verified_line import NOT_VERIFIED
from hemato_edge.views.report.figure import Figure  # noqa: TC001 - as above
from hemato_edge.views.report.red_cells.model import RedCellDiameters, RedCellMorphology
from hemato_edge.views.report.subtypes.model import SubtypeFigures  # noqa: TC001

if TYPE_CHECKING:
    from hemato_edge.counting.rejection import UnevenRejection


@dataclass(frozen=True, slots=True)
class SessionHead:
    """What identifies a session; see `store.records.SessionRecord`."""

    id: int
    label: str
    state: str
    ended_because: str | None
    camera: str
    target: int | None
    started_utc: datetime
    ended_utc: datetime | None


@dataclass(frozen=True, slots=True)
class ClassShare:
    """One class of the differential, in percent of the classified white cells; see `counting.differential.ClassRow`."""

    label: str
    count: int
    percent: float | None
    ci_low: float | None
    ci_high: float | None
    estimate: float | None
    reference: tuple[float, float] | None
    flag: str | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the percentage; None without a classified cell."""
        return None if self.ci_low is None or self.ci_high is None else (self.ci_low, self.ci_high)


@dataclass(frozen=True, slots=True)
class NucleatedRedCells:
    """Nucleated red cells, per 100 white ones.

    Attributes:
        count: cells.
        per_100_wbc, ci_low, ci_high: per 100 classified white cells, with the 95 % interval; None without any.
        white_count_factor: what a count that includes them is multiplied with to get the white count.
        counter: what a counter that takes them for white cells gave, in any unit, or None.
        corrected_white_count: that count, corrected.
    """

    count: int
    per_100_wbc: float | None
    ci_low: float | None
    ci_high: float | None
    white_count_factor: float | None
    counter: float | None
    corrected_white_count: float | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the number per 100 white cells; None without a classified cell."""
        return None if self.ci_low is None or self.ci_high is None else (self.ci_low, self.ci_high)


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts and the differential of a session: what the live table shows, and the core of a report.

    Attributes:
        counts: unique cells by kind, see `labels.KINDS`.
        differential: one a class, in the order of `labels.LEUKOCYTES`.
        classified: white cells with a class: what the percentages are of.
        rejected: reason of the quality gate → frames.
        skipped: reason → sources that could not be read.
        method: what the percentages and intervals mean, in words.
        unanswered: classes that the model does not know.
    """

    fields: int
    frames: int
    dropped: int
    counts: dict[str, int]
    differential: tuple[ClassShare, ...]
    classified: int
    unclassified: int
    nucleated_red_cells: NucleatedRedCells
    rejected: dict[str, int]
    skipped: dict[str, int]
    method: str
    unanswered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DensityEstimate:
    """Cells of a kind per area of slide, and per litre of blood by a rule of thumb."""

    count: int
    per_mm2: Figure
    e9_per_l: Figure


@dataclass(frozen=True, slots=True)
class Estimates:
    """The densities of a session with a scale; a kind without a factor or an area is None."""

    um_per_px: float
    um_per_px_uncertainty: float
    area_mm2: float
    white: DensityEstimate | None
    platelet: DensityEstimate | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What people said: cells named or confirmed, cells named otherwise than the machine, artefacts, and who."""

    cells: int
    changed: int
    artefacts: int
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's approval of the session, and whether a label was changed since."""

    who: str
    utc: datetime
    overtaken: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration profile that a session was recorded with."""

    profile: str
    objective: str | None
    um_per_px: float | None
    um_per_px_uncertainty: float | None
    method: str | None
    controls_state: object


@dataclass(frozen=True, slots=True)
class Tracking:
    """How the stage was followed.

    Attributes:
        lost: new regions that were begun after tracking was lost.
        found_again: jumps that were recognised as known ground at once.
        rejoined: regions that were joined to known ground later.
        wbc_twice: white cells that were counted in two regions until then.
    """

    lost: int
    found_again: int
    rejoined: int
    wbc_twice: int


@dataclass(frozen=True, slots=True)
class Verification:
    """How right the program's answers were on this microscope, held against a person's.

    Attributes:
        cells: how many were compared.
        utc: when.
        right: of the answered ones, percent that were right, with the 95 % interval; None if none was answered.
    """

    cells: int
    utc: datetime
    right: Figure | None


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The wall clock was set while the session ran.

    Attributes:
        times: how often.
        by_s: by how many seconds in all, forward positive.
        started_utc: when the session began by the clock as it was set.
    """

    times: int
    by_s: float
    started_utc: datetime


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made the counts; see `store.records.SessionRecord`.

    Attributes:
        settings_changed: what was changed while it ran → after how many frames.
        last_link: the end of the session's hash chain, see `store.chain`.
    """

    model_name: str
    model_sha256: str
    settings_sha256: str
    settings: dict[str, object]
    settings_changed: dict[str, int]
    versions: dict[str, str]
    database: str
    boot_id: str
    red_cell_px: float | None
    stain: dict[str, object] | None
    last_link: str | None


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What a laboratory prints on its reports; empty where it is not given.

    Attributes:
        logo: path of a PNG, JPEG or SVG.
    """

    laboratory: str = ""
    logo: str = ""
    operator: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Report(Summary):
    """The report of one session.

    Attributes:
        per_field: kind → cells in one field of view; None where no area is known.
        white_per_1000_red: None without red cells.
        estimates: None without a scale; `estimates_note` says why, or what they mean.
        warnings: what makes the session doubtful → frames.
        camera: see `views.report.incidents.camera_summary`.
        regions: stretches of unbroken tracking; 0 for pictures from files.
        verification: None where this microscope was never verified.
        verified: the same in one line, see `site.verification`.
        adapted: which head of the site's own answered, in one line; None without one.
        uneven_rejection: classes that the classifier leaves unclassified more, or less, often than others, as far as
            the review shows; empty once every cell is named.
        clock_set: None where the wall clock went as the monotonic one did.
        timings_ms: stage of the program → median milliseconds a field.
        letterhead: who asks, and whose laboratory it is.
        field_of_view: what of a frame was slide, in words; empty where all of it was.
        approval: by whom and when the session was approved; None where nobody has.
        attributes: class → morphological attribute → value → cells of which the model was sure of it, the commonest
            first; see `morphology`.
        subtypes: the levels below the classes; empty where the session's model tells none.
        red_cells: their diameters; None below a hundred that stand free.
        red_cell_morphology: their pallor, and the platelets beside them.
        quality_control: what the control slides say, of the session itself or of the last one before it; "" without.
    """

    session: SessionHead
    per_field: dict[str, Figure | None]
    white_per_1000_red: Figure | None
    estimates: Estimates | None
    estimates_note: str
    reviewed: Reviewed
    calibration: Calibration | None
    warnings: dict[str, int]
    tracking_lost: int
    tracking: Tracking
    camera: dict[str, int]
    regions: int
    provenance: Provenance
    notice: str
    verification: Verification | None = None
    verified: str = NOT_VERIFIED
    adapted: str | None = None
    uneven_rejection: tuple[UnevenRejection, ...] = ()
    clock_set: ClockSet | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    letterhead: Letterhead = Letterhead()
    field_of_view: str = ""
    attributes: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    approval: Approval | None = None
    red_cells: RedCellDiameters | None = None
    red_cell_morphology: RedCellMorphology = field(default_factory=RedCellMorphology)
    quality_control: str = ""
    subtypes: tuple[SubtypeFigures, ...] = ()

    @property
    def period(self) -> tuple[datetime | None, datetime | None]:
        """Start and end, by the surest clock; the start is None where it would lie behind the end."""
        start, end = self.session.started_utc, self.session.ended_utc
        if self.clock_set is not None:
            start = self.clock_set.started_utc
        return (None if end is not None and start > end else start), end
