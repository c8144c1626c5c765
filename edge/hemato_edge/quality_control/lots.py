"""Control slides over time: a Levey-Jennings chart of each measure of a lot, judged by Westgard's rules.

S. Levey and E. R. Jennings, "The use of control charts in the clinical laboratory", American Journal of Clinical
Pathology 20 (1950), 1059-1066; a baseline of at least 20 sessions: CLSI C24.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from hemato_edge.errors import ConfigurationError
from hemato_edge.quality_control.limits import measure_z, share_z
from hemato_edge.quality_control.observed import SHARES, SIZE_PX, SIZE_UM, STAIN, Measure, observed
from hemato_edge.quality_control.westgard import RULES, WARNING_RULE, broken_rules
from hemato_edge.store.records import RUNNING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from hemato_edge.quality_control.observed import Observed
    from hemato_edge.store.reader import Reader

LEAST_BASELINE = 20
"""Sessions, see the module."""
NO_BASELINE, BASELINE, IN_CONTROL, WARNING, OUT = "no baseline", "baseline", "in control", "warning", "out of control"
"""States of a chart and of a lot, by the newest session."""
STATES = (NO_BASELINE, BASELINE, IN_CONTROL, WARNING, OUT)
"""The worse ones later."""


@dataclass(frozen=True, slots=True)
class Point:
    """One session on a chart.

    Attributes:
        session, started: which.
        value: in the measure's unit.
        cells: of how many cells a share is; 0 for other measures.
        z: standard deviations from the baseline's mean; None without limits.
        baseline: whether it is one of those that the limits come from; no rule is asked of these.
        broken: names of the rules that are broken with it.
    """

    session: int
    started: datetime
    value: float
    cells: int
    z: float | None
    baseline: bool
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A measure of one lot.

    Attributes:
        measure: which.
        mean: of the baseline; of shares, the share of its cells together. None without a baseline.
        deviation: standard deviation of the baseline; None without one, and for shares, whose limits are binomial.
        points: the oldest first.
    """

    measure: Measure
    mean: float | None
    deviation: float | None
    points: tuple[Point, ...]

    @property
    def state(self) -> str:
        """By the newest session."""
        last = self.points[-1] if self.points else None
        if last is None or last.z is None:
            return NO_BASELINE
        if last.baseline:
            return BASELINE
        if set(last.broken) - {WARNING_RULE}:
            return OUT
        return WARNING if last.broken else IN_CONTROL


@dataclass(frozen=True, slots=True)
class Lot:
    """A lot of control slides behind one objective.

    Attributes:
        name: of the lot.
        profile: calibration profile; None without one.
        sessions: the oldest first.
        baseline: those that the limits come from; empty while there are too few.
        needed: how many a baseline takes.
        charts: one a measure; a measure that no session has is left out.
        notes: what must be known to read them.
    """

    name: str
    profile: str | None
    sessions: tuple[int, ...]
    baseline: tuple[int, ...]
    needed: int
    charts: tuple[Chart, ...]
    notes: tuple[str, ...]

    @property
    def state(self) -> str:
        """The worst of its charts."""
        return max((chart.state for chart in self.charts), key=STATES.index, default=NO_BASELINE)

    @property
    def broken(self) -> tuple[str, ...]:
        """The rules that are broken with the newest session, each once."""
        names = {name for chart in self.charts for name in chart.points[-1].broken}
        return tuple(rule.name for rule in RULES if rule.name in names)


@dataclass(frozen=True, slots=True)
class BaselineChoice:
    """Where limits come from: these sessions, or else the first ones of each lot and profile.

    Attributes:
        sessions: numbers; empty for the first `first`.
        first: how many.

    Raises:
        ConfigurationError: fewer than `LEAST_BASELINE`.
    """

    sessions: frozenset[int] = frozenset()
    first: int = LEAST_BASELINE

    def __post_init__(self) -> None:
        """Checked."""
        given = len(self.sessions) if self.sessions else self.first
        if given < LEAST_BASELINE:
            raise ConfigurationError(
                f"A baseline of {given} sessions gives no limits: their spread is not known.",
                f"Name at least {LEAST_BASELINE}, as CLSI C24 asks.",
            )

    def of(self, seen: Sequence[Observed]) -> list[Observed]:
        """The baseline among the sessions of a lot; empty while there are too few."""
        chosen = [one for one in seen if one.session in self.sessions] if self.sessions else list(seen[: self.first])
        enough = LEAST_BASELINE if self.sessions else self.first
        return chosen if len(chosen) >= enough else []


FIRST_ONES = BaselineChoice()


def control_lots(
    reader: Reader, name: str | None = None, baseline: BaselineChoice = FIRST_ONES, until: int | None = None
) -> list[Lot]:
    """The lots of a database, in the order of their first session.

    Args:
        reader: of it.
        name: only this lot.
        baseline: where the limits come from.
        until: number of the last session that is looked at; None for all.
    """
    return [
        _lot(*key, seen, baseline) for key, seen in _by_lot(reader, reader.control_lots(), name, until).items() if seen
    ]


def _by_lot(
    reader: Reader, lots: dict[int, str], name: str | None, until: int | None
) -> dict[tuple[str, str | None], list[Observed]]:
    found: dict[tuple[str, str | None], list[Observed]] = {}
    for session, lot in lots.items():
        if (name is not None and lot != name) or (until is not None and session > until):
            continue
        record = reader.session(session)
        if record.state != RUNNING:
            one = observed(reader, record)
            found.setdefault((lot, one.profile), []).append(one)
    return found


def _lot(name: str, profile: str | None, seen: list[Observed], choice: BaselineChoice) -> Lot:
    base = choice.of(seen)
    chosen = {one.session for one in base}
    charts = [_measured(*_size(seen), seen, chosen), _measured(STAIN, lambda one: one.stain, seen, chosen)]
    charts += [_counted(measure, seen, chosen) for measure in SHARES]
    drawn = tuple(chart for chart in charts if chart.points)
    needed = LEAST_BASELINE if choice.sessions else choice.first
    sessions = tuple(one.session for one in seen)
    return Lot(name, profile, sessions, tuple(sorted(chosen)), needed, drawn, tuple(_notes(seen, base, needed, drawn)))


def _size(seen: Sequence[Observed]) -> tuple[Measure, Callable[[Observed], float | None]]:
    """Red-cell size in µm where all sessions have a scale, else in pixels."""
    if all(one.um_per_px for one in seen):
        return SIZE_UM, lambda one: None if one.red_cell_px is None else one.red_cell_px * (one.um_per_px or 0.0)
    return SIZE_PX, lambda one: one.red_cell_px


def _measured(
    measure: Measure, value_of: Callable[[Observed], float | None], seen: Sequence[Observed], base: Collection[int]
) -> Chart:
    values = [(one, value) for one in seen if (value := value_of(one)) is not None]
    own = [value for one, value in values if one.session in base]
    known = len(own) >= LEAST_BASELINE
    mean, deviation = (fmean(own), stdev(own)) if known else (None, None)
    points = [
        Point(
            one.session,
            one.started,
            value,
            0,
            measure_z(value, mean, deviation) if mean is not None and deviation else None,
            one.session in base,
        )
        for one, value in values
    ]
    return Chart(measure, mean, deviation, _judged(points))


def _counted(measure: Measure, seen: Sequence[Observed], base: Collection[int]) -> Chart:
    shares = [(one, *one.share(measure.name)) for one in seen]
    shares = [(one, count, total) for one, count, total in shares if total]
    own = [(count, total) for one, count, total in shares if one.session in base]
    counts, totals = (sum(numbers) for numbers in zip(*own, strict=True)) if own else (0, 0)
    known = len(own) >= LEAST_BASELINE
    points = [
        Point(
            one.session,
            one.started,
            100 * count / total,
            total,
            share_z(count, total, counts, totals) if known else None,
            one.session in base,
        )
        for one, count, total in shares
    ]
    return Chart(measure, 100 * counts / totals if known else None, None, _judged(points))


def _judged(points: Sequence[Point]) -> tuple[Point, ...]:
    """With the rules that are broken after the baseline."""
    later = [point for point in points if point.z is not None and not point.baseline]
    broken = dict(
        zip(
            (point.session for point in later),
            broken_rules([point.z for point in later if point.z is not None]),
            strict=True,
        )
    )
    return tuple(
        Point(p.session, p.started, p.value, p.cells, p.z, p.baseline, broken.get(p.session, ())) for p in points
    )


def _notes(seen: Sequence[Observed], base: Sequence[Observed], needed: int, charts: Sequence[Chart]) -> list[str]:
    notes = []
    if not base:
        notes.append(f"{len(seen)} of the {needed} sessions that a baseline takes: no limits yet.")
    models = {one.model_sha256 for one in base}
    if len(models) > 1:
        notes.append("Sessions of the baseline were answered by different models.")
    for before, after in itertools.pairwise(seen):
        if before.model_sha256 != after.model_sha256:
            notes.append(f"Another model answers from session {after.session} on; a baseline holds for one model.")
    for chart in charts:
        far = [point.session for point in chart.points if point.baseline and abs(point.z or 0.0) > 3]
        if far:
            notes.append(
                f"{chart.measure.title}: session {far[0]} of the baseline lies beyond 3 standard deviations; leave it "
                "out with --baseline if its cause is known."
            )
        if chart.deviation == 0:
            notes.append(f"{chart.measure.title}: the baseline does not vary at all, so it gives no limits.")
    return notes
