"""`hemato-edge bench --tune`: the best number of threads, written to the configuration file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from hemato_edge.bench.tuning import Tuning, TuningPlan
    from hemato_edge.settings import Settings

KEY = "model.threads"


def tune(config: Path | None, *, quick: bool, as_json: bool) -> None:
    """Measure, say what was found, and write it where it is surely better than what is set."""
    from hemato_edge.bench.tuning import FULL, QUICK
    from hemato_edge.settings import default_files, resolve
    from hemato_edge.settings.editing import set_in_file

    resolved = resolve(config)
    file = resolved.file or default_files()[0]
    found = _measured(resolved.settings, QUICK if quick else FULL)
    if found.improves:
        set_in_file(file, KEY, found.best)
        found = found.model_copy(update={"written": str(file)})
    if as_json:
        typer.echo(found.model_dump_json(by_alias=True, indent=1))
    else:
        typer.echo("\n".join(_lines(found)))
    origin = resolved.origins[KEY]
    if found.improves and origin.startswith("environment"):
        typer.echo(f"warning: the {origin} stands over the file; remove it.", err=True)


def _measured(settings: Settings, plan: TuningPlan) -> Tuning:
    from hemato_edge.bench.tuning import Tuning, tune

    shown = sys.stderr.isatty()
    for step in tune(settings, plan):
        if isinstance(step, Tuning):
            if shown:
                typer.echo("\r\x1b[K", nl=False, err=True)
            return step
        if shown:
            typer.echo(f"\r\x1b[K{100 * step:3.0f} %", nl=False, err=True)
    msg = "tuning ended without a result"
    raise RuntimeError(msg)


def _lines(found: Tuning) -> list[str]:
    lines = ["threads  median ms   p95 ms  against now  99 % interval"]
    for one in found.candidates:
        interval = "now" if one.threads == found.current else f"{one.low:.2f} – {one.high:.2f}"
        lines.append(
            f"{one.threads:7}  {one.frame_ms.p50:9.1f}  {one.frame_ms.p95:7.1f}  {one.ratio:11.2f}  {interval:>13}"
        )
    if found.written is not None:
        lines.append(f"{KEY}: {found.current} → {found.best}, written to {found.written}")
    else:
        lines.append(
            f"{KEY} stays {found.current}: no other number is faster by more than the spread. Nothing written."
        )
    return lines
