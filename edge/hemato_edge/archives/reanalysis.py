"""The analysis of an archive from the first source to the finished tables."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hemato_edge.archives.journal import Journal
from hemato_edge.archives.parquet import packed, require_pyarrow, write_table
from hemato_edge.archives.rows import TABLES
from hemato_edge.archives.terms import Instruments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hemato_edge.archives.rows import Findings
    from hemato_edge.archives.sources import Source
    from hemato_edge.archives.terms import Terms

    Runner = Callable[[Terms, Sequence[Source]], Iterator[tuple[Source, Findings]]]
    """Analyses sources somewhere, and gives each with its findings when it is finished."""


@dataclass(slots=True)
class Progress:
    """How far it has come.

    Attributes:
        sources: that are asked for.
        finished: of them, those of earlier calls included.
        pictures: analysed by this call.
        failed: files that this call could not analyse.
        weight: bytes of the sources that this call has to analyse.
        weight_finished: of them.
        started: by `time.monotonic()`.
        newest: name of the last one that was finished, and why its files failed.
    """

    sources: int
    finished: int
    weight: int
    pictures: int = 0
    failed: int = 0
    weight_finished: int = 0
    started: float = 0.0
    newest: tuple[str, tuple[str, ...]] = ("", ())

    @property
    def seconds_left(self) -> float | None:
        """Reckoned from the bytes that are left; None before anything is finished."""
        if not self.weight_finished:
            return None
        taken = time.monotonic() - self.started
        return taken * (self.weight - self.weight_finished) / self.weight_finished


@dataclass(frozen=True, slots=True)
class Summary:
    """What the folder holds in the end.

    Attributes:
        sources, pictures, failed: of all calls.
        cells: rows of the table of cells.
        analysed: sources that this call has analysed.
        failed_now: files that this call could not analyse.
        fingerprint: of the terms, JSON.
    """

    sources: int
    pictures: int
    failed: int
    cells: int
    analysed: int
    failed_now: int
    fingerprint: str


def reanalyse(
    sources: Sequence[Source],
    terms: Terms,
    folder: Path,
    runner: Runner,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Analyse what is not analysed yet, the largest first; then write the tables.

    Args:
        sources: all that are asked for.
        terms: without a fingerprint.
        folder: of the output; what it holds of the sources, and unchanged since, is not analysed again.
        runner: see `local.run_locally` and `cluster.run_on_cluster`.
        tell: called when the work begins, and after each source, when it is on disk.

    Raises:
        MissingExtraError: pyarrow is not installed.
        ModelError: a model cannot be loaded, or changes meanwhile.
        ArchiveError, StoreError, OutputError: see `Journal`, the runners and `write_table`.
    """
    require_pyarrow()
    fingerprint = Instruments(terms).fingerprint()
    terms = replace(terms, fingerprint=fingerprint)
    with Journal(folder, fingerprint) as journal:
        done = journal.done()
        due = sorted((one for one in sources if done.get(one.name) != one.digest), key=lambda one: -one.weight)
        progress = Progress(len(sources), len(sources) - len(due), sum(max(1, one.weight) for one in due))
        progress.started = time.monotonic()
        tell(progress)
        for source, findings in runner(terms, due) if due else ():
            tables = {name: packed(name, rows) for name, rows in findings.rows.items()}
            journal.record(source, findings, tables, done=bool(findings.pictures or not findings.failed))
            _advance(progress, source, findings)
            tell(progress)
        written = {table: write_table(folder, table, journal.rows(table), fingerprint) for table in TABLES}
        names, pictures, failed = journal.totals()
    return Summary(names, pictures, failed, written["cells"], len(due), progress.failed, fingerprint)


def _advance(progress: Progress, source: Source, findings: Findings) -> None:
    progress.finished += 1
    progress.pictures += findings.pictures
    progress.failed += findings.failed
    progress.weight_finished += max(1, source.weight)
    failures = ((str(file), str(reason)) for _, file, reason in findings.rows["failures"])
    said = (reason if file in reason else f"{file}: {reason}" for file, reason in failures)
    progress.newest = source.name, tuple(said)
