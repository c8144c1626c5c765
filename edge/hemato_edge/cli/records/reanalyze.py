"""`hemato-edge reanalyze`: archives of pictures, videos and sessions under one model, or under an old and a new one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.archives.comparison import Comparison
    from hemato_edge.archives.reanalysis import Runner, Summary
    from hemato_edge.archives.sources import Source

SHIPPED = "shipped"
"""Names the model that ships, where another one is meant beside it."""
_BOTH = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: the sources, where they are analysed, and options of the analysis."""

    sources: list[Source]
    runner: Runner
    threads: int
    each: bool
    name_blurred: bool


def register(root: typer.Typer) -> None:
    """Add `reanalyze`."""
    root.command()(reanalyze)


def reanalyze(
    sources: Annotated[
        list[Path] | None, typer.Argument(help="Pictures, videos, or folders of them.", metavar="[SOURCE]…")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="For the results; the same one goes on.")] = ...,  # type: ignore[assignment]
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Sub-folders as well, a slide each.")] = False,
    each: Annotated[bool, typer.Option("--each", help="The pictures are strangers to each other.")] = False,
    blurred: Annotated[bool, typer.Option("--name-blurred", help="Name the cells of blurred pictures, too.")] = False,
    db: Annotated[Path | None, typer.Option(metavar="FILE", help="The sessions of this database, too.")] = None,
    session: Annotated[
        list[int] | None,
        typer.Option(min=1, metavar="ID", help="This session alone; repeatable. Without --db: of the usual database."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help=f"Classifier bundle, or {SHIPPED}; given twice: old and new, compared."),
    ] = None,
    compare: Annotated[Path | None, typer.Option(metavar="DIR", help="With the results of an earlier model.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=512, help="Processes; else as many as processors.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of a Dask cluster, such as tcp://10.0.0.5:8786.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Analyse an archive; the same command goes on after an interruption."""
    from hemato_edge.archives.comparison import compare as compared
    from hemato_edge.archives.parquet import require_pyarrow
    from hemato_edge.archives.sources import sessions_in, sources_in
    from hemato_edge.errors import ImageError

    models: list[str | None] = [*model] if model else [None]
    db = _database(db, session)
    _check(sources, db, models, compare)
    _check_folders(out, compare)
    require_pyarrow()
    unread = Unread()
    summaries: dict[Path, Summary] = {}
    if sources or db:
        found = sources_in(sources or [], recursive=recursive, each=each, failed=unread)
        found += [] if db is None else sessions_in(db, session or [], unread)
        wanted = Wanted(found, *_runner(jobs, scheduler, len(found)), each, blurred)
        folders = [out] if len(models) < _BOTH else _folders(out, models)
        for folder, one in zip(folders, models, strict=True):
            summaries[folder] = _analysed(wanted, one, folder)
        compare, out = (folders[0], folders[1]) if len(models) == _BOTH else (compare, out)
    comparison = None if compare is None else compared(compare, out)
    if comparison is not None:
        _keep(comparison, out)
    _tell(summaries, comparison, out, unread.lines, as_json=as_json)
    if unread.lines or any(one.failed for one in summaries.values()):
        raise typer.Exit(ImageError.exit_code)


def _check(
    sources: list[Path] | None,
    db: Path | None,
    models: list[str | None],
    compare: Path | None,
) -> None:
    if not (sources or db or compare):
        raise typer.BadParameter("name pictures, videos or folders, or a database with --db")
    if len(models) > _BOTH:
        raise typer.BadParameter("--model can be given twice at most")
    if len(models) == _BOTH and compare is not None:
        raise typer.BadParameter("two models are compared with each other: leave out --compare")
    if len(models) == _BOTH and not (sources or db):
        raise typer.BadParameter("two models need something to analyse")


def _check_folders(out: Path, compare: Path | None) -> None:
    if out.exists() and not out.is_dir():
        raise typer.BadParameter(f"{out} is a file, not a folder: name a folder with --out")
    if compare is not None and compare.exists() and out.exists() and compare.samefile(out):
        raise typer.BadParameter(f"--compare and --out are both {out}: a folder cannot be compared with itself")


def _database(db: Path | None, sessions: list[int] | None) -> Path | None:
    """The database that is meant: a session without one is of that in the settings."""
    from hemato_edge.settings import load_settings

    return load_settings().store.path if sessions and db is None else db


class Unread:
    """What could not even be listed: told at once, and kept for the end."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, name: str, reason: str) -> None:
        """One more."""
        self.lines.append(f"{name}: {reason}")
        typer.echo(f"error: {self.lines[-1]}", err=True)


def _runner(jobs: int | None, scheduler: str | None, sources: int) -> tuple[Runner, int]:
    """Where sources are analysed, and threads of an inference: more than one where there are few sources."""
    import os

    if scheduler is not None:
        from hemato_edge.archives.cluster import require_distributed, run_on_cluster

        require_distributed()
        return partial(run_on_cluster, address=scheduler), 1
    from hemato_edge.archives.local import run_locally

    processors = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    busy = max(1, min(processors, sources))
    return partial(run_locally, jobs=busy), max(1, processors // busy)


def _folders(out: Path, models: list[str | None]) -> list[Path]:
    """A folder for each model, named after its file and hash."""
    from hemato_edge.models.bundle import read_bundle, shipped_classifier

    files = [shipped_classifier() if name in (SHIPPED, None) else Path(str(name)) for name in models]
    bundles = [read_bundle(file) for file in files]
    if bundles[0].sha256 == bundles[1].sha256:
        raise typer.BadParameter("both models are the same file")
    return [out / f"{bundle.path.stem}-{bundle.sha256[:8]}" for bundle in bundles]


def _analysed(wanted: Wanted, model: str | None, folder: Path) -> Summary:
    from hemato_edge.archives.reanalysis import reanalyse
    from hemato_edge.archives.terms import terms_of
    from hemato_edge.cli.records.reanalyze_view import told
    from hemato_edge.settings import load_settings

    path = None if model in (SHIPPED, None) else Path(str(model))
    settings = load_settings(overrides={"model.path": path})
    if model == SHIPPED:
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"path": None})})
    terms = terms_of(settings, each=wanted.each, name_blurred=wanted.name_blurred, threads=wanted.threads)
    try:
        with told(f"analysing for {folder}") as tell:
            return reanalyse(wanted.sources, terms, folder, wanted.runner, tell)
    except KeyboardInterrupt:
        typer.echo(f"Stopped. What is finished is kept in {folder}: the same command goes on.", err=True)
        raise


def _keep(comparison: Comparison, out: Path) -> None:
    from hemato_edge.archives.changed import write_changed
    from hemato_edge.output_files import write_aside

    write_changed(comparison, out)
    write_aside(out / "comparison.json", (json_text(comparison.as_json(), indent=1) + "\n").encode())


def _tell(
    summaries: dict[Path, Summary], comparison: Comparison | None, out: Path, unread: list[str], *, as_json: bool
) -> None:
    import json
    from dataclasses import asdict

    from hemato_edge.cli.records.reanalyze_view import comparison_lines, summary_lines

    if as_json:
        runs = [
            asdict(one) | {"out": str(folder), "fingerprint": json.loads(one.fingerprint)}
            for folder, one in summaries.items()
        ]
        document = {"runs": runs, "unread": unread, "comparison": None if comparison is None else comparison.as_json()}
        typer.echo(json_text(document, indent=1))
        return
    for folder, one in summaries.items():
        typer.echo("\n".join(summary_lines(one, folder)))
    if comparison is not None:
        typer.echo("\n".join(comparison_lines(comparison, out)))
