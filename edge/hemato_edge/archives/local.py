"""Analyses sources on this machine, each in one of several processes: one that dies takes no other work with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from hemato_edge.archives.examining import examine, failed_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from hemato_edge.archives.rows import Findings
    from hemato_edge.archives.sources import Source
    from hemato_edge.archives.terms import Terms

_WAITING = 1
"""Sources a process that wait for it, so that none is idle while results are written."""
DIED = "The process that analysed it died: too little memory, or a fault in a decoder. Try it alone, with --jobs 1."


def run_locally(terms: Terms, sources: Sequence[Source], jobs: int) -> Iterator[tuple[Source, Findings]]:
    """What is found in each source, in the order in which they are finished.

    Closing the iterator, or the end of this process in any way, ends the others at once.

    Args:
        terms: with a fingerprint.
        sources: in the order in which they are begun.
        jobs: processes.

    Raises:
        ModelError: see `examine`.
    """
    waiting = list(reversed(sources))
    while waiting:
        pool = _Pool(jobs)
        try:
            yield from pool.work(terms, waiting)
        finally:
            pool.close()
        for source in pool.suspects:
            yield source, _alone(terms, source)


def _alone(terms: Terms, source: Source) -> Findings:
    """A source that was at work when a process died, in a process of its own."""
    pool = _Pool(1)
    try:
        for _, findings in pool.work(terms, [source]):
            return findings
    finally:
        pool.close()
    return failed_source(source, DIED)


class _Pool:
    """Processes that end with this one, or when it is closed.

    Attributes:
        suspects: the sources that were at work when a process died.
    """

    def __init__(self, jobs: int) -> None:
        self.suspects: list[Source] = []
        context = multiprocessing.get_context("spawn")
        lifeline, self._held = context.Pipe(duplex=False)
        self._lifeline = lifeline
        self._most = jobs * (1 + _WAITING)
        self._pool = ProcessPoolExecutor(jobs, context, _prepare, (lifeline,))

    def work(self, terms: Terms, waiting: list[Source]) -> Iterator[tuple[Source, Findings]]:
        """Take sources from the end of `waiting` until there are none, or a process dies."""
        at_work: dict[Future[Findings], Source] = {}
        try:
            while waiting or at_work:
                while waiting and len(at_work) < self._most:
                    at_work[self._pool.submit(examine, terms, waiting[-1])] = waiting[-1]
                    waiting.pop()
                finished, _ = wait(at_work, return_when=FIRST_COMPLETED)
                for future in finished:
                    findings = future.result()
                    yield at_work.pop(future), findings
        except BrokenProcessPool:
            self.suspects = list(at_work.values())

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._held.close()
        self._pool.shutdown(cancel_futures=True)
        self._lifeline.close()


def _prepare(lifeline: Connection) -> None:
    """What a process does first: it leaves Ctrl-C to its parent, uses one thread, and ends when the parent lets go."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)
