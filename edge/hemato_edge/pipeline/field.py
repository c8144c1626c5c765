"""One frame → what it adds: gate, register, locate, ledger, classify."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.counting.ledger import Ledger
from hemato_edge.counting.mapping.registration import Registration
from hemato_edge.labels import KINDS, LEUKOCYTES, PLATELET, RBC, WBC
from hemato_edge.pipeline.calibrated import OTHER_SIZE
from hemato_edge.pipeline.field_mask import FieldMask
from hemato_edge.pipeline.label_voting import Settling
from hemato_edge.pipeline.red_cell_survey import RedCellSurvey
from hemato_edge.values import Cell, Detections, FieldResult, Frame, Pose, Quality
from hemato_edge.vision.colours import CHANNELS_SWAPPED, NEGATIVE
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.quality import SATURATED, TOO_DARK, FocusMemory
from hemato_edge.vision.slide_appearance import AppearanceEstimator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hemato_edge.counting.ledger import Admission, Sighted, Twins
    from hemato_edge.counting.mapping.registrar import Registrar
    from hemato_edge.pipeline.calibrated import SessionCalibration
    from hemato_edge.pipeline.map_follower import MapFollower
    from hemato_edge.vision.classify.classifier import Classifier
    from hemato_edge.vision.locate.locator import Locator
    from hemato_edge.vision.quality import QualityGate
    from hemato_edge.vision.slide_appearance import SlideAppearance

NO_SCALE = "no_scale"
"""Reject reason of a frame with white cells and nothing whose size is known: no crop can be cut from it."""
JOINED = "joined_"
"""What the measures of a field begin with that tell which region was joined, and where its corner lies now."""
SLIDE_SHARE = "slide_share"
"""Measure of a field: the share of its area that is slide, where that is not all of it."""
LOCATE_AGAIN_EVERY = 64
"""Where nothing new is on view, cells are located again in one of so many frames, only so that the slide's look follows
a slow change of the lamp."""

COLOURS_EVERY = 64
"""The colours of a camera's frames are checked in its first one, in one of so many while they are right, and in each
while they are not: what exchanges channels is a setting of the camera."""
_COLOURS_NOT_RIGHT = frozenset((TOO_DARK, SATURATED, NEGATIVE, CHANNELS_SWAPPED))


@dataclass(slots=True)
class Stopwatch:
    """Milliseconds by stage of one frame."""

    latency_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        yield
        self.latency_ms[name] = self.latency_ms.get(name, 0.0) + (time.perf_counter() - started) * 1e3


@dataclass(slots=True)
class _Visit:
    """One frame on its way: what has been made of it so far.

    Attributes:
        frame, view: as the camera gave it, and as it is looked at.
        watch: of the time that it takes.
        quality: what the gate measured.
        pose: where it lies; None for a field of its own.
        detections: the cells in it, or in its part.
        part: of the view, x0, y0, x1, y1 pixels, where something new can be learned; None: all of it.
    """

    frame: Frame
    view: FieldView
    watch: Stopwatch
    quality: Quality
    pose: Pose | None = None
    detections: Detections = field(default_factory=Detections.empty)
    part: tuple[int, int, int, int] | None = None


class FieldAnalyzer:
    """Turns the frames of one session into results. Holds the session's memory: tracking, ledger, look of the slide.

    Args:
        gate, locator, classifier: the parts that see. The gate may be replaced while it runs: the next frame meets it.
        calibration: of the microscope, or None; its flat field comes before everything else.
        registrar: tells where frames lie; None: by their pictures.
        mask: tells what of them is slide; None: it is looked for.
        red_cells: looks at red cells and platelets one by one; None: with its own defaults.

    Attributes:
        red_cells: what looks at red cells and platelets one by one.
        follower: told where frames lie and how the map changes, besides the ledger; None: nobody is.
        known_views: frames that showed nothing but known ground, and could add nothing.
        counted_twice: by kind, cells that had been counted in two regions when these turned out to be one. White cells
            are joined in the record; red cells and platelets are taken off the next new ones.
    """

    def __init__(
        self,
        gate: QualityGate,
        locator: Locator,
        classifier: Classifier,
        calibration: SessionCalibration | None = None,
        registrar: Registrar | None = None,
        mask: FieldMask | None = None,
        red_cells: RedCellSurvey | None = None,
    ) -> None:
        self.mask = FieldMask() if mask is None else mask
        self._glass: NDArray[np.float64] | None = None
        self.calibration = calibration
        self.looks = AppearanceEstimator()
        self.registrar: Registrar = Registration() if registrar is None else registrar
        self.ledger = Ledger()
        self.settling = Settling(classifier)
        self.red_cells = RedCellSurvey() if red_cells is None else red_cells
        self.look: SlideAppearance | None = None
        self.leukocytes = 0
        self.known_views = 0
        self.counted_twice = dict.fromkeys(KINDS, 0)
        self._owed = [0] * len(KINDS)
        self._joined: list[tuple[int, int]] = []
        self.gate = gate
        self.follower: MapFollower | None = None
        self._locator = locator
        self._last: FieldResult | None = None
        self._since_located = 0
        self._colours_right = 0
        self._focus = FocusMemory()
        self._stretch = 0

    def analyze(self, frame: Frame) -> FieldResult | Quality:
        """What a frame adds, or, if it was rejected, its quality with the reason.

        Frames must come in the order in which they were taken.
        """
        watch = Stopwatch()
        if frame.stretch != self._stretch:
            self._stretch, self._colours_right, self._focus = frame.stretch, 0, FocusMemory()
            self.registrar.gap()
        if self.calibration is not None:
            if not self.calibration.fits(frame):
                return Quality(OTHER_SIZE)
            with watch.stage("calibrate"):
                frame = self.calibration.corrected(frame)
        with watch.stage("mask"):
            aperture = self.mask.aperture_of(frame)
        fill = None if frame.independent else self._glass
        view = FieldView(frame.image, aperture, red_cell_px=self.looks.red_cell_px, fill=fill)
        with watch.stage("quality"):
            visit = _Visit(frame, view, watch, self._assess(view, frame))
        if visit.quality.reject:
            if not frame.independent:
                self.registrar.follow(view)
            return visit.quality
        return self._visit(visit)

    def _visit(self, visit: _Visit) -> FieldResult | Quality:
        """What a sharp frame adds."""
        if not visit.frame.independent:
            with visit.watch.stage("mask"):
                self.mask.learn(visit.view)
        with visit.watch.stage("register"):
            if not visit.frame.independent:
                visit.pose = self.registrar.locate(visit.view)
            visit.quality = self._follow_the_map(visit.quality)
        if self.follower is not None and visit.pose is not None:
            with visit.watch.stage("follow"):
                self.follower.saw(visit.view, visit.pose, visit.quality.measures["focus"])
        nothing_new = self._nothing_new(visit)
        if nothing_new and self._since_located < LOCATE_AGAIN_EVERY:
            self._since_located += 1
            return self._result(visit)
        self._since_located = 0
        with visit.watch.stage("background"):
            self._glass = visit.view.background
        with visit.watch.stage("locate"):
            visit.detections = self._locate(visit, everywhere=nothing_new)
            self.looks.add_field(visit.view, visit.detections)
        self.look = look = self.looks.appearance()
        reject = NO_SCALE if look is None else self.gate.judge_stain(look.stain)
        if look is None or reject is not None:
            return Quality(reject, visit.quality.measures)
        return self._result(visit) if nothing_new else self._count(visit, look)

    def _assess(self, view: FieldView, frame: Frame) -> Quality:
        """What the gate says of a frame; of a camera's it looks at the colours now and then."""
        level = self.looks.focus
        colours = frame.independent or self._colours_right % COLOURS_EVERY == 0
        memory = None if frame.independent else self._focus
        quality = self.gate.assess(view, colours=colours, least_focus=level.least(), memory=memory)
        if self.gate.tells_focus(quality):
            level.add(quality.measures["focus"])
        if frame.independent:
            return quality
        self._colours_right = 0 if quality.reject in _COLOURS_NOT_RIGHT else self._colours_right + 1
        return quality

    def on_view(self, result: FieldResult | Quality) -> list[Sighted]:
        """The known cells in the frame of a result, and where; none where the frame's place is not known."""
        if not isinstance(result, FieldResult) or result.pose is None:
            return []
        seen = self.ledger.on_view(result.pose, (result.width, result.height))
        x, y = self.mask.aperture.origin
        return [replace(one, x=one.x + x, y=one.y + y) for one in seen] if x or y else seen

    def warning(self) -> str | None:
        """The name of what makes the session doubtful, or None."""
        if self.calibration is None:
            return None
        return self.calibration.compare(self.looks.scale.red_cell_px, self.looks.scale.looks)

    def close(self) -> FieldResult | None:
        """The cells that were still waiting for another look when the frames ended; None where there are none."""
        admission = self.ledger.close()
        self.settling.drop(admission.given_up)
        cells = self.settling.take()
        self.leukocytes += _leukocytes(cells)
        if self._last is None:
            return None
        if self.follower is not None and self._last.pose is not None:
            self.follower.named(cells, self._last.pose)
        red, platelets = self._less_doubles(admission, RBC), self._less_doubles(admission, PLATELET)
        joined, self._joined = tuple(self._joined), []
        measures = {name: value for name, value in self._last.quality.measures.items() if not name.startswith(JOINED)}
        rest = replace(
            self._last,
            new_cells=cells,
            new_red_cells=red,
            new_platelets=platelets,
            quality=Quality(None, measures),  # that of the last field, which has told already what was joined
            joined=joined,
        )
        return rest if cells or red or platelets or joined else None

    def tallies(self) -> dict[str, int]:
        """Absolute counts for the record: tracking, views that were known, and the unique area of each kind."""
        tracking = self.registrar
        tallies = {
            "tracking_lost": tracking.lost,
            "tracking_found_again": tracking.found_again,
            "tracking_rejoined": tracking.rejoined,
            "known_views": self.known_views,
            "inferences": self.settling.inferences,
            "forgotten_fields": self.ledger.forgotten,
            **self.mask.tallies(),
            **self.red_cells.tallies(),
            **{f"counted_twice:{kind}": count for kind, count in self.counted_twice.items()},
            **{
                f"area_px2:{kind}": round(area) for kind, area in zip(KINDS, self.ledger.coverage.area_px2, strict=True)
            },
        }
        return {name: count for name, count in tallies.items() if count}

    def _follow_the_map(self, quality: Quality) -> Quality:
        """Let the ledger follow what registration has learned; a region that was joined stands in the record."""
        joined, moves = self.registrar.take_changes()
        if self.follower is not None:
            self.follower.corrected(joined, moves)
        if self.look is None:
            return quality
        self.ledger.move(moves)
        measures = dict(quality.measures)
        for one in joined:
            for twins in self.ledger.join(
                one.region, one.into, one.x_px, one.y_px, self.look.red_cell_px, one.angle_deg
            ):
                self._make_one(twins)
            place = {"region": one.region, "x_px": one.x_px, "y_px": one.y_px}
            measures |= {JOINED + name: value for name, value in place.items()}
        return Quality(quality.reject, measures)

    def _make_one(self, twins: Twins) -> None:
        """Two cells are one: what was counted twice is put right."""
        gone, kept = twins.gone, twins.kept
        if gone.kind != WBC:
            self.counted_twice[KINDS[gone.kind]] += twins.doubled
            self._owed[gone.kind] += twins.doubled
        elif not gone.record:
            self.settling.drop([gone])
        elif kept.record:
            self.counted_twice[KINDS[WBC]] += 1
            self.leukocytes -= gone.label in LEUKOCYTES
            self._joined.append((gone.record, kept.record))
        else:
            self.settling.drop([kept])
            kept.record, kept.label, kept.looks = gone.record, gone.label, gone.looks

    def _nothing_new(self, visit: _Visit) -> bool:
        if visit.pose is None:
            return False
        known = self.ledger.is_exhausted(visit.pose, visit.view.aperture)
        self.known_views += known
        return known

    def _locate(self, visit: _Visit, *, everywhere: bool) -> Detections:
        """The cells of a frame, in pixels of its view: only those of its new part, where most of it is known ground."""
        if visit.pose is not None and self.look is not None and not everywhere:
            visit.part = self.ledger.undecided_part(visit.pose, visit.view.aperture, self.look.red_cell_px)
        if visit.part is None:
            return self._locator.locate(visit.view)
        return self._locator.locate(visit.view.part(visit.part)).moved(*visit.part[:2])

    def _admit(self, visit: _Visit, red_cell_px: float) -> Admission:
        """Enter a frame's cells in the ledger; a part of it is a smaller frame that lies elsewhere."""
        if visit.part is None or visit.pose is None:
            return self.ledger.admit(visit.detections, visit.pose, red_cell_px, visit.view.aperture)
        x, y = visit.part[:2]
        pose = replace(visit.pose, x_px=visit.pose.x_px + x, y_px=visit.pose.y_px + y)
        return self.ledger.admit(
            visit.detections.moved(-x, -y), pose, red_cell_px, visit.view.aperture.part(visit.part)
        )

    def _count(self, visit: _Visit, look: SlideAppearance) -> FieldResult:
        with visit.watch.stage("ledger"):
            admission = self._admit(visit, look.red_cell_px)
            self.settling.drop(admission.given_up)
        with visit.watch.stage("classify"):
            cells = self._name(visit, admission, look)
        with visit.watch.stage("red_cells"):
            self.red_cells.look(visit.view, visit.detections, admission, look.red_cell_px)
        return self._result(visit, cells, (self._less_doubles(admission, RBC), self._less_doubles(admission, PLATELET)))

    def _less_doubles(self, admission: Admission, kind: int) -> int:
        """New cells of a kind, less those that were counted twice before; counts on disk never shrink."""
        new = len(admission.counted[kind])
        paid = min(new, self._owed[kind])
        self._owed[kind] -= paid
        return new - paid

    def _name(self, visit: _Visit, admission: Admission, look: SlideAppearance) -> tuple[Cell, ...]:
        known = [cell for cell in admission.cells if cell is not None]
        white = [
            (i, cell)
            for i, cell in enumerate(admission.cells)
            if cell is not None and visit.detections.kinds[i] == WBC and i not in admission.cut
        ]
        chosen = visit.detections.select(np.array([i for i, _ in white], np.intp))
        sharpness = visit.quality.measures.get("focus", 1.0)
        self.settling.look(visit.view, chosen, [cell for _, cell in white], look, sharpness)
        return self.settling.take(() if visit.frame.independent else {cell.number for cell in known})

    def _result(self, visit: _Visit, cells: tuple[Cell, ...] = (), new: tuple[int, int] = (0, 0)) -> FieldResult:
        """What a frame added: cells with a name, and so many new red cells and platelets."""
        frame, pose, quality = visit.frame, visit.pose, visit.quality
        width, height = visit.view.size
        slide = visit.view.aperture.slide_px
        if slide < width * height:
            quality = Quality(quality.reject, quality.measures | {SLIDE_SHARE: slide / (width * height)})
        self.leukocytes += _leukocytes(cells)
        if self.follower is not None and pose is not None:
            self.follower.named(cells, pose)
        joined, self._joined = tuple(self._joined), []
        if pose is not None and pose.angle_deg:
            quality = Quality(quality.reject, quality.measures | {"angle_deg": pose.angle_deg})
        self._last = FieldResult(
            frame_index=frame.index,
            utc=frame.utc,
            monotonic_s=frame.monotonic_s,
            source=frame.source,
            width=width,
            height=height,
            pose=pose,
            seen=visit.detections.counts(),
            new_cells=cells,
            new_red_cells=new[0],
            new_platelets=new[1],
            quality=quality,
            latency_ms=visit.watch.latency_ms,
            joined=joined,
        )
        return self._last


def adds_something(result: FieldResult) -> bool:
    """Whether a result holds anything new for the store: a cell, a field of its own, or regions that were joined."""
    return (
        result.pose is None
        or bool(result.new_cells or result.new_red_cells or result.new_platelets)
        or bool(result.joined)
        or f"{JOINED}region" in result.quality.measures
    )


def _leukocytes(cells: tuple[Cell, ...]) -> int:
    return sum(cell.judgement.label in LEUKOCYTES for cell in cells)
