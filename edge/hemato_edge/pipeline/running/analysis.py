"""The second thread of a run: it analyses frames."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from hemato_edge.pipeline.field import adds_something
from hemato_edge.pipeline.running.run_state import POLL_S
from hemato_edge.values import FieldResult

if TYPE_CHECKING:
    from hemato_edge.pipeline.field import FieldAnalyzer
    from hemato_edge.pipeline.running.capture import Capture
    from hemato_edge.pipeline.running.run_state import RunState
    from hemato_edge.values import Frame, Quality
    from hemato_edge.vision.quality import QualityGate

RESULTS_WAITING = 1
"""Fields that wait for the disk. A power cut takes this one, the one that is being written and the one at work; none of
them was shown. Where the disk is slower than the analysis, that waits, and frames are dropped, and counted."""


class Analysis:
    """Analyses frames in the order in which they came, and hands over what adds something to the record.

    Args:
        analyzer: of a fresh session.
        capture: where the frames come from.
        target: classified white cells with which the run ends; None: it does not.
        run: what it shares with the other threads.

    Attributes:
        done: set when there will be no more results.
        taker_gone: set by whoever takes the results, when it takes no more.
        target: see above; may be set before the thread is started.
    """

    def __init__(self, analyzer: FieldAnalyzer, capture: Capture, target: int | None, run: RunState) -> None:
        self.done, self.taker_gone = threading.Event(), threading.Event()
        self._analyzer = analyzer
        self._capture = capture
        self.target = target
        self._run = run
        self._waiting: queue.Queue[FieldResult] = queue.Queue(RESULTS_WAITING)

    def take(self) -> list[FieldResult]:
        """All results that wait; none if none came for a moment."""
        results: list[FieldResult] = []
        try:
            results.append(self._waiting.get(timeout=POLL_S))
            while True:
                results.append(self._waiting.get_nowait())
        except queue.Empty:
            return results

    @property
    def waiting(self) -> int:
        """How many results wait."""
        return self._waiting.qsize()

    @property
    def exhausted(self) -> bool:
        """Whether no result waits and none will come."""
        return self.done.is_set() and self._waiting.empty()

    def use_gate(self, gate: QualityGate) -> None:
        """Judge frames by another gate from the next one on."""
        self._analyzer.gate = gate

    def work(self) -> None:
        """What the thread does."""
        try:
            self._analyse_frames()
        finally:
            rest = self._analyzer.close()  # a stop or a failing camera takes no cell away that was seen
            self._run.tallies.take(self._analyzer.tallies())
            if rest is not None:
                self._hand_over(rest)

    def _analyse_frames(self) -> None:
        run = self._run
        while not run.ending.asked:
            frame = self._capture.next()
            if frame is None:
                if self._capture.exhausted:
                    return
                continue
            result = self._analyzer.analyze(frame)
            run.watchdog.analysed()
            run.tallies.take(self._analyzer.tallies())
            self._tell(frame, result)
            if not isinstance(result, FieldResult):
                run.tallies.add(f"rejected:{result.reject}")
                continue
            warning = self._analyzer.warning()
            if warning is not None:
                run.tallies.add(f"warning:{warning}")
            if adds_something(result):
                self._hand_over(result)
            if self.target is not None and self._analyzer.leukocytes >= self.target:
                run.ending.ask(f"the target of {self.target} white cells was reached")

    def _tell(self, frame: Frame, result: FieldResult | Quality) -> None:
        observer, viewer = self._run.observer, self._run.viewer
        if observer is not None:
            observer.analysed(result)
        if viewer is not None:
            viewer.analysed(frame, result, self._analyzer.on_view(result) if viewer.awaited else None)

    def _hand_over(self, result: FieldResult) -> None:
        """Put a result in line, also while the run is being stopped, unless nobody takes it any more."""
        self._run.watchdog.handed_over()
        while not self.taker_gone.is_set():
            try:
                self._waiting.put(result, timeout=POLL_S)
            except queue.Full:
                continue
            return
