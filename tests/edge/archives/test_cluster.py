"""A real Dask scheduler with real workers on this machine: the results are those of the local run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from archived import analysed, draw_slides, slides_of, tables
from ports import own_port
from processes import process
from waiting import until

from hemato_edge.archives.cluster import run_on_cluster
from hemato_edge.archives.reanalysis import Progress, reanalyse
from hemato_edge.archives.terms import terms_of
from hemato_edge.errors import ArchiveError, ModelError
from hemato_edge.settings import load_settings

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
distributed = pytest.importorskip("distributed", reason="distributed is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*:Warning")]  # of the library's own


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_slides(tmp_path_factory.mktemp("archive"), 6, 2)


@pytest.fixture(scope="module")
def plain(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, analysed on this machine."""
    out = tmp_path_factory.mktemp("plain") / "out"
    analysed(slides_of(archive), out)
    return out


@contextmanager
def cluster(folder: Path, workers: int, **environment: str) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """The address of a scheduler, and its workers, each with one thread."""
    address = f"tcp://127.0.0.1:{own_port()}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "env": os.environ | environment}
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"]
    worker = ["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    with ExitStack() as stack:
        stack.enter_context(process([sys.executable, "-m", "dask", *scheduler], **quiet))
        running = [
            stack.enter_context(process([sys.executable, "-m", "dask", *worker], **quiet)) for _ in range(workers)
        ]
        yield address, running


def test_several_workers_find_what_this_machine_finds(archive: Path, plain: Path, tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as (address, _):
        summary = analysed(slides_of(archive), tmp_path / "out", partial(run_on_cluster, address=address))
    assert (summary.pictures, summary.failed) == (12, 0)
    assert tables(tmp_path / "out") == tables(plain)


def test_a_worker_that_is_killed_costs_nothing(archive: Path, plain: Path, tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as (address, workers):

        def kill_one(progress: Progress) -> None:
            if progress.finished == 1:
                workers[0].send_signal(signal.SIGKILL)

        runner = partial(run_on_cluster, address=address)
        reanalyse(slides_of(archive), terms_of(load_settings()), tmp_path / "out", runner, kill_one)
        assert workers[0].wait() == -signal.SIGKILL
        assert workers[1].poll() is None
    assert tables(tmp_path / "out") == tables(plain)


def test_a_cluster_that_is_lost_leaves_what_is_done(archive: Path, plain: Path, tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as (address, workers):

        def stop(progress: Progress) -> None:
            if progress.finished == 2:
                distributed.Client(address).shutdown()
                until(lambda: workers[0].poll() is not None, "the end of the worker")

        runner = partial(run_on_cluster, address=address)
        with pytest.raises(ArchiveError) as told:
            reanalyse(slides_of(archive), terms_of(load_settings()), tmp_path / "out", runner, stop)
    assert "type the same command again" in told.value.fix
    assert analysed(slides_of(archive), tmp_path / "out").analysed in (3, 4)
    assert tables(tmp_path / "out") == tables(plain)


def test_nobody_at_the_address_says_what_to_do(archive: Path) -> None:
    with pytest.raises(ArchiveError, match="No Dask scheduler answers") as told:
        list(run_on_cluster(terms_of(load_settings()), slides_of(archive), f"tcp://127.0.0.1:{own_port()}"))
    assert "dask scheduler" in told.value.fix


def test_workers_that_do_not_see_the_files_or_have_another_model_end_it(archive: Path, tmp_path: Path) -> None:
    (source,) = slides_of(archive / "slide0")
    with cluster(tmp_path, 1) as (address, _):
        terms = terms_of(load_settings())
        own = next(run_on_cluster(terms, [source], address))[1]
        assert own.pictures == 2
        with pytest.raises(ModelError, match="other terms"):
            list(run_on_cluster(replace(terms, fingerprint='{"model": "another"}'), [source], address))
        own_only = replace(source, files=(f"/proc/self/task/{os.getpid()}/root{source.files[0]}",))
        with pytest.raises(ArchiveError, match="does not see"):
            list(run_on_cluster(terms, [own_only], address))
