"""What is on disk of a running session: new fields in one transaction, tallies when it is quiet, the slide's look."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from hemato_edge.store.records import Join, NewField
from hemato_edge.vision.classify.portraits import developed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hemato_edge.cameras.recovery.state import CameraHealth
    from hemato_edge.pipeline.field import FieldAnalyzer
    from hemato_edge.pipeline.running.analysis import Analysis
    from hemato_edge.pipeline.running.notify import Watchdog
    from hemato_edge.pipeline.running.run_state import RunState
    from hemato_edge.store.records import Totals
    from hemato_edge.store.writer import Writer
    from hemato_edge.values import FieldResult

_log = logging.getLogger(__name__)
TALLY_EVERY_S = 10.0
"""How often counts of rejected and dropped frames are committed when no new field comes: rare, for the SD card."""
LOOK_EVERY_S = 60.0
"""How often the slide's scale and stain are recorded while it runs: after a power cut they are this old at most."""
FIRST_CELLS = "the first cells are on disk"
"""Line of the log (`-v`), once a run, by which its start is timed."""
MAX_PLACES = 65_536
"""White cells whose place on record is remembered, should they turn out to be others: a few MB."""


class Recorder:
    """Commits what one session counts. Used from one thread, once it is made.

    Args:
        writer: an open store.
        session: a running one in it.
        analyzer: whose look of the slide is recorded.
        watchdog: told of every commit.

    Attributes:
        totals: what is on disk.
        tallies: the tallies that are on disk, by name.
        at_work: fields in the transaction that is being written.

    Raises:
        StoreError: of every method and of this: it cannot be written.
    """

    def __init__(self, writer: Writer, session: int, analyzer: FieldAnalyzer, watchdog: Watchdog) -> None:
        self._writer = writer
        self._session = session
        self._analyzer = analyzer
        self._watchdog = watchdog
        self._places: dict[int, tuple[int, int]] = {}
        self._committed, self._looked, self._counted = time.monotonic(), -LOOK_EVERY_S, False
        self.tallies: dict[str, int] = {}
        self.at_work = 0
        self.totals: Totals = writer.commit_tallies(session, {})

    @property
    def quiet(self) -> bool:
        """Whether it is time to commit tallies, since no field came."""
        return time.monotonic() - self._committed > TALLY_EVERY_S

    def record_fields(self, results: Sequence[FieldResult], tallies: Mapping[str, int]) -> None:
        """Fields, all in one transaction, with the tallies of their moment; now and then the slide's look, too."""
        fields = [NewField(developed(one), self._joins(one, self.totals.fields + i)) for i, one in enumerate(results)]
        self.at_work = len(fields)
        self.totals = self._writer.commit_fields(self._session, fields, tallies)
        self.at_work = 0
        self._note(tallies)
        if not self._counted and self.totals.wbc + self.totals.rbc + self.totals.platelet:
            self._counted = True
            _log.info(FIRST_CELLS)
        if self._committed - self._looked > LOOK_EVERY_S:
            self._record_look()
            self._looked = self._committed

    def record_tallies(self, tallies: Mapping[str, int]) -> None:
        """The tallies alone."""
        self.totals = self._writer.commit_tallies(self._session, tallies)
        self._note(tallies)

    def finish(self, tallies: Mapping[str, int]) -> None:
        """The slide's look and the last tallies."""
        self._record_look()
        self.record_tallies(tallies)

    def _note(self, tallies: Mapping[str, int]) -> None:
        self.tallies, self._committed = dict(tallies), time.monotonic()
        self._watchdog.committed(self.totals)

    def _record_look(self) -> None:
        look = self._analyzer.look
        if look is not None:
            self._writer.record_optics(self._session, look.red_cell_px, asdict(look.stain))

    def _joins(self, result: FieldResult, field: int) -> tuple[Join, ...]:
        """Which recorded cells a result says are one, by field and number; remembers where its own cells will stand."""
        self._places.update({cell.number: (field, i) for i, cell in enumerate(result.new_cells) if cell.number})
        while len(self._places) > MAX_PLACES:
            del self._places[next(iter(self._places))]
        return tuple(
            Join(self._places[gone], self._places[kept])
            for gone, kept in result.joined
            if gone in self._places and kept in self._places
        )


def record_results(recorder: Recorder, analysis: Analysis, health: CameraHealth, run: RunState) -> None:
    """The third thread of a run: it commits every result, and tallies when none comes.

    Raises:
        StoreError: the store cannot be written.
    """
    seen = 0
    try:
        while True:
            results = analysis.take()
            if not results:
                if analysis.exhausted:
                    return
                changes = health.changed
                if changes > seen or recorder.quiet:
                    recorder.record_tallies(run.tallies.now())
                    seen = changes
                continue
            recorder.record_fields(results, run.tallies.now())
            if run.observer is not None:
                for result in results:
                    run.observer.committed(result)
    finally:
        recorder.finish(run.tallies.now())
