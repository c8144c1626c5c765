"""Does what is asked for at the door of a run: tells its state, shows pictures, starts, stops, notes, renames cells."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from hemato_edge.about import __version__
from hemato_edge.door.commands import COUNTING, ENDING, WAITING, Command, Note, Picture, Relabel, Start, Undo
from hemato_edge.door.messages import VERSION, Answer, DoorError
from hemato_edge.pipeline.running.standby import Order
from hemato_edge.store.reader import Reader
from hemato_edge.store.records import RUNNING
from hemato_edge.store.writer import open_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from hemato_edge.door.commands import Approve, Describe
    from hemato_edge.pipeline.running.daemon import Daemon
    from hemato_edge.pipeline.running.standby import Standby
    from hemato_edge.pipeline.running.viewfinder import Viewfinder
    from hemato_edge.store.records import CellRecord
    from hemato_edge.store.seal import SealKey
    from hemato_edge.store.writer import Writer

END_WAIT_S = 8.0
"""How long a stop waits until all is on disk."""
NOTE = "note:"
"""What the tally of a person's note begins with."""


class RunCommands:
    """Answers for one run. Its methods are called in the door's threads.

    Args:
        daemon: the run.
        viewfinder: what it shows.
        database: the file; written to, while nobody counts, for one change of a label at a time.
        reload: asks for the settings to be read anew.
        attending: what holds it before its session; None for a run that counts at once.
        profile: the calibration profile it works with; None for none.
        key: of the chain, where its entries are sealed.
    """

    def __init__(
        self,
        daemon: Daemon,
        viewfinder: Viewfinder,
        database: Path,
        reload: Callable[[], None],
        attending: Standby | None = None,
        *,
        profile: str | None = None,
        key: SealKey | None = None,
    ) -> None:
        self._daemon = daemon
        self._viewfinder = viewfinder
        self._database = database
        self._reload = reload
        self._attending = attending
        self._profile = profile
        self._key = key
        self._ended = threading.Event()
        self._naming = threading.Lock()

    @property
    def answers(self) -> Mapping[str, Callable[[Command], Answer]]:
        """Command → what does it, for `door.server.Door`."""
        return {
            "state": lambda _: Answer(self._state()),
            "frame": lambda command: self._picture(cast("Picture", command)),
            "start": lambda command: self._start(cast("Start", command)),
            "stop": lambda _: self._stop(),
            "note": lambda command: self._note(cast("Note", command)),
            "relabel": lambda command: self._relabel(cast("Relabel", command)),
            "undo": lambda command: self._undo(cast("Undo", command)),
            "approve": lambda command: self._approve(cast("Approve", command)),
            "describe": lambda command: self._describe(cast("Describe", command)),
            "reload": lambda _: self._reloaded(),
        }

    def ended(self) -> None:
        """The session is closed, and all of it is on disk."""
        self._ended.set()

    @property
    def phase(self) -> str:
        """`WAITING`, `COUNTING` or `ENDING`."""
        if self._daemon.stopping:
            return ENDING
        return WAITING if self._daemon.session is None else COUNTING

    def _state(self) -> dict[str, Any]:
        health, sight = self._daemon.camera_health, self._viewfinder.newest
        camera: dict[str, Any] = {"name": self._daemon.camera_name, "state": "live", "words": "", "fault": None}
        if health is not None:
            fault = health.fault
            camera |= {
                "state": health.state.value,
                "words": health.status_line(),
                "fault": None if fault is None else fault.value,
            }
        return {
            "version": VERSION,
            "program": __version__,
            "phase": self.phase,
            "session": self._daemon.session,
            "target": self._daemon.target,
            "database": str(self._database),
            "profile": self._profile,
            "camera": camera,
            "verdict": None if sight is None else sight.verdict,
            "warnings": sorted(n.partition(":")[2] for n in self._daemon.tallies if n.startswith("warning:")),
        }

    def _picture(self, command: Picture) -> Answer:
        sight = self._viewfinder.wait(command.after)
        if sight is None:
            return Answer({"seq": command.after, "phase": self.phase})
        return Answer(sight.told() | {"phase": self.phase}, self._viewfinder.jpeg(sight, command.width))

    def _start(self, command: Start) -> Answer:
        if self._attending is None or not self._attending.waiting:
            raise DoorError("A session runs already.", "Look at it, or stop it first.", "not_now")
        return Answer({"session": self._attending.start(Order(command.label, command.target or None))})

    def _stop(self) -> Answer:
        if self.phase != COUNTING:
            raise DoorError("No session is being counted.", "Start one.", "not_now")
        self._daemon.stop("stopped at the door")
        if not self._ended.wait(END_WAIT_S):
            raise DoorError("The session is being ended, and takes its time.", "Look again in a moment.", "not_now")
        totals = self._daemon.totals
        told = {} if totals is None else {"wbc": totals.wbc, "rbc": totals.rbc, "platelet": totals.platelet}
        return Answer({"session": self._daemon.session, **told})

    def _note(self, command: Note) -> Answer:
        if self.phase != COUNTING:
            raise DoorError("Without a session there is nothing to note.", "Start one.", "not_now")
        self._daemon.note(NOTE + command.text)
        return Answer({"noted": command.text})

    def _reloaded(self) -> Answer:
        self._reload()
        return Answer({"asked": True})

    def _relabel(self, command: Relabel) -> Answer:
        with self._naming, self._writer() as writer:
            before = self._cell(command).name
            if command.standing and command.standing != before:
                raise DoorError(
                    f"Somebody has called this cell {before.replace('_', ' ')} meanwhile.",
                    "Look at it again, and say so once more if you see it otherwise.",
                    "changed",
                )
            place = command.session, command.field, command.cell
            writer.relabel(*place, command.label, command.who, datetime.now(timezone.utc))
        return Answer({"label": command.label, "before": before})

    def _undo(self, command: Undo) -> Answer:
        with self._naming, self._writer() as writer:
            with Reader(self._database) as reader:
                reader.session(command.session)
            last = writer.undo(command.session, command.who, datetime.now(timezone.utc))
        if last is None:
            return Answer({"undone": None})
        return Answer({"undone": {"field": last.field, "cell": last.cell, "label": last.before, "was": last.after}})

    def _approve(self, command: Approve) -> Answer:
        with Reader(self._database) as reader:
            record = reader.session(command.session)
        if record.state == RUNNING:
            raise DoorError("This session is still being counted.", "Approve it when it has ended.", "not_now")
        with self._naming, self._writer() as writer:
            writer.approve(command.session, command.who, datetime.now(timezone.utc))
        return Answer({"approved": command.session, "who": command.who})

    def _describe(self, command: Describe) -> Answer:
        with Reader(self._database) as reader:
            reader.session(command.session)
        now = datetime.now(timezone.utc)
        with self._naming, self._writer() as writer:
            writer.describe(command.session, command.who, now, {command.what: command.wording})
        return Answer({"described": command.session, command.what: command.wording})

    def _cell(self, command: Relabel) -> CellRecord:
        with Reader(self._database) as reader:
            for cell in reader.cells(command.session):
                if (cell.field, cell.number) == (command.field, command.cell):
                    return cell
        raise DoorError(f"Session {command.session} has no cell {command.cell} in field {command.field}.")

    @contextmanager
    def _writer(self) -> Iterator[Writer]:
        """The running session's writer; while nobody counts one for this moment, so that other programs may write."""
        writer = self._daemon.writer
        if writer is not None and not self._ended.is_set():
            yield writer
            return
        with open_writer(self._database, key=self._key) as writer:
            yield writer
