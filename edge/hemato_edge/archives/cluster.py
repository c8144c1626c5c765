"""Analyses sources on an existing Dask cluster, whose workers see the files under the same paths."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hemato_edge.about import __version__
from hemato_edge.archives.examining import examine, failed_source
from hemato_edge.archives.local import DIED
from hemato_edge.errors import ArchiveError, HematoEdgeError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hemato_edge.archives.rows import Findings
    from hemato_edge.archives.sources import Source
    from hemato_edge.archives.terms import Terms

_CONNECT_S = 10.0
_WORKERS_S = 30.0
_WAITING = 2
"""Sources a thread of the cluster that are handed out ahead."""
_ADDRESS = "Start one with `dask scheduler`, and name it as it tells, such as tcp://10.0.0.5:8786."
_AGAIN = "What was analysed is kept: type the same command again, also without --scheduler."


def require_distributed() -> Any:
    """The library.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError(
            "A Dask cluster needs the library distributed, which is not installed.",
            "pip install 'hemato-edge[archive,cluster]'",
        ) from error
    return distributed


def run_on_cluster(terms: Terms, sources: Sequence[Source], address: str) -> Iterator[tuple[Source, Findings]]:
    """What is found in each source, in the order in which they are finished.

    The scheduler gives the sources of a worker that is gone to another one; a source with which several died is told
    as failed.

    Args:
        terms: with a fingerprint.
        sources: in the order in which they are handed out.
        address: of the scheduler, such as tcp://10.0.0.5:8786.

    Raises:
        ArchiveError: the scheduler cannot be reached or is lost, it has no workers, or these do not see the files.
        ModelError: see `examine`.
    """
    distributed = require_distributed()
    _check_address(address)
    try:
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        raise ArchiveError(
            f"No Dask scheduler answers at {address} ({type(error).__name__}).",
            _ADDRESS,
        ) from error
    try:
        client.wait_for_workers(1, timeout=_WORKERS_S)
        yield from _handed_out(distributed, client, terms, sources)
    except (asyncio.TimeoutError, TimeoutError) as error:
        raise ArchiveError(
            f"The scheduler {address} has no worker.", f"Start some: `dask worker {address}`."
        ) from error
    except distributed.comm.CommClosedError as error:
        raise ArchiveError(f"The scheduler {address} is gone.", _AGAIN) from error
    finally:
        client.close(timeout=_CONNECT_S)


def _check_address(address: str) -> None:
    """Refused before a client exists: one that has failed to connect complains of it when it is collected."""
    scheme, separator, place = address.partition("://")
    host, colon, port = place.rpartition(":")
    if not (scheme and separator and host and colon and port.isdecimal()):
        raise ArchiveError(f"{address} is no address of a Dask scheduler.", _ADDRESS)


def examine_remotely(terms: Terms, source: Source) -> tuple[Findings, str | None]:
    """What a worker does: `examine`; and the first file that it does not see, or None."""
    unseen = next((file for file in source.files if not Path(file).exists()), None)
    return examine(terms, source), unseen


def _handed_out(
    distributed: Any, client: Any, terms: Terms, sources: Sequence[Source]
) -> Iterator[tuple[Source, Findings]]:
    waiting, run = list(reversed(sources)), uuid.uuid4().hex
    at_work: dict[str, Source] = {}
    finished = distributed.as_completed((), loop=client.loop)

    def hand_out() -> None:
        most = _WAITING * max(1, sum(client.nthreads().values()))
        while waiting and len(at_work) < most:
            source = waiting.pop()
            key = f"hemato-edge-{run}-{len(waiting)}"
            at_work[key] = source
            finished.add(client.submit(examine_remotely, terms, source, key=key, pure=False))

    hand_out()
    for future in finished:
        source = at_work.pop(future.key)
        yield source, _result(distributed, client, future, source)
        hand_out()


def _result(distributed: Any, client: Any, future: Any, source: Source) -> Findings:
    error = future.exception()
    if isinstance(error, distributed.scheduler.KilledWorker):
        return failed_source(source, DIED)
    if isinstance(error, HematoEdgeError):
        raise error
    if future.status == "cancelled" or error is not None:
        raise ArchiveError(
            f"The cluster could not analyse {source.name} ({type(error).__name__}: {error}).",
            f"Its workers need hemato-edge {__version__} with the same models; then type the same command again.",
        )
    findings: Findings
    findings, unseen = future.result()
    if unseen is not None and Path(unseen).exists():
        raise ArchiveError(
            f"A worker of the cluster does not see {unseen}.", "Give it the folder under the same path on all machines."
        )
    return findings
