"""Before a session: the camera is open, frames are judged and shown, and nothing is recorded until somebody says so."""

from __future__ import annotations

import queue
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import HematoEdgeError
from hemato_edge.pipeline.running.viewfinder import ATTENDING
from hemato_edge.vision.field_view import FieldView

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.pipeline.running.notify import Watchdog
    from hemato_edge.pipeline.running.viewfinder import Viewfinder
    from hemato_edge.values import Frame
    from hemato_edge.vision.quality import QualityGate

_POLL_S = 0.1
WATCHED_EVERY_S, UNWATCHED_EVERY_S = 0.05, 1.0
"""How often a frame is judged while somebody looks on, and while nobody does, seconds."""
_FEED_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What session is to be begun.

    Attributes:
        label: the person's name for the sample.
        target: white cells to count; None for no end.
    """

    label: str
    target: int | None


@dataclass(frozen=True, slots=True)
class Renewal:
    """A run that nobody has ordered a session of begins anew.

    Attributes:
        profile: calibration profile to work with; None for none.
    """

    profile: str | None


class Standby:
    """Holds a run between the opening of its camera and its session.

    A live camera's frames are looked at and thrown away. A source that waits (files, the demo) is shown its first frame
    only, which then is counted: nothing of it is lost.

    Args:
        gate: judges focus and light; may be replaced.
        viewfinder: shown every frame, before it is judged: focusing needs no delay.
        watchdog: fed while frames come.

    Attributes:
        order: what was ordered; None while nothing is.
        idle: called now and then while waiting, for instance to read settings anew.
        renewal: what the run is to begin anew with; None while nobody asked for that.
    """

    def __init__(self, gate: QualityGate, viewfinder: Viewfinder, watchdog: Watchdog) -> None:
        self.gate = gate
        self.order: Order | None = None
        self.renewal: Renewal | None = None
        self.idle: Callable[[], None] = lambda: None
        self._viewfinder = viewfinder
        self._watchdog = watchdog
        self._orders: queue.Queue[Order] = queue.Queue(1)
        self._begun: Future[int] = Future()
        self._verdict, self._measures = ATTENDING, dict[str, float]()
        self._judged_s = self._fed_s = float("-inf")
        self._shown: Frame | None = None

    @property
    def waiting(self) -> bool:
        """Whether a session can still be ordered."""
        return self.order is None and self.renewal is None and self._orders.empty() and not self._begun.done()

    def renew(self, profile: str | None) -> None:
        """Let the run begin anew with this calibration profile, from any thread; None for none."""
        self.renewal = Renewal(profile)

    def start(self, order: Order, timeout_s: float = 30.0) -> int:
        """Order a session, from any thread; its number as soon as it has begun.

        Raises:
            HematoEdgeError: one was ordered already, the run ended, or the session could not be begun.
        """
        try:
            self._orders.put_nowait(order)
        except queue.Full:
            raise HematoEdgeError("A session is being started already.", "Look at it.") from None
        try:
            return self._begun.result(timeout_s)
        except FutureTimeout:
            raise HematoEdgeError("The session did not start in time.", "Look at the log.") from None

    def attend(self, frames: queue.Queue[Frame], *, live: bool, over: Callable[[], bool]) -> Order | None:
        """Wait for an order, in the calling thread; None if the run is over before one came.

        Args:
            frames: where the camera's come from.
            live: whether they may be thrown away.
            over: whether no order needs to be waited for any more.
        """
        self._watchdog.attending()
        while self.order is None and self.renewal is None and not over():
            self.idle()
            self._look(self._taken(frames) if live else self._peeked(frames))
            try:
                self.order = self._orders.get_nowait()
            except queue.Empty:
                continue
        if self.order is None:
            self.failed(HematoEdgeError("The run has ended, or begins anew.", "Look again in a moment."))
        return self.order

    def begun(self, session: int) -> None:
        """The session that was ordered has this number."""
        self._begun.set_result(session)

    def failed(self, error: HematoEdgeError) -> None:
        """There will be no session."""
        if not self._begun.done():
            self._begun.set_exception(error)

    def _taken(self, frames: queue.Queue[Frame]) -> Frame | None:
        try:
            return frames.get(timeout=_POLL_S)
        except queue.Empty:
            return None

    def _peeked(self, frames: queue.Queue[Frame]) -> Frame | None:
        """The first frame, once; it stays where it is."""
        time.sleep(_POLL_S)
        with frames.mutex:
            first: Frame | None = frames.queue[0] if frames.queue else None
        if first is None or first is self._shown:
            return None
        self._shown = first
        return first

    def _look(self, frame: Frame | None) -> None:
        now = time.monotonic()
        if frame is None:
            if self._shown is not None:
                self._feed(now)  # it waits by itself, and nothing can hang
            return
        self._feed(now)
        self._viewfinder.show(frame, self._verdict, (), self._measures)
        if now - self._judged_s < (WATCHED_EVERY_S if self._viewfinder.watched else UNWATCHED_EVERY_S):
            return
        self._judged_s = now
        quality = self.gate.assess(FieldView(frame.image))
        self._verdict, self._measures = quality.reject or ATTENDING, quality.measures
        if frame is self._shown:
            self._viewfinder.show(frame, self._verdict, (), self._measures)  # no other will come to tell it

    def _feed(self, now: float) -> None:
        if now - self._fed_s >= _FEED_EVERY_S:
            self._fed_s = now
            self._watchdog.attending()
