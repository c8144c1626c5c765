"""`hemato-edge doctor`: what is wrong with this device, and what mends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.doctor.findings import Finding
    from hemato_edge.doctor.subject import Subject

_COLOURS = {"PASS": "green", "WARN": "yellow", "FAIL": "red", "SKIP": "bright_black"}


def register(root: typer.Typer) -> None:
    """Add `doctor`."""
    root.command()(doctor)


def doctor(
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings in TOML.")] = None,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Examine the captured /sys, /proc, /dev and /etc of another machine instead."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Examine this device: Python, cameras, power, heat, clock, disk, database, models, service.

    Offline, in under five seconds, and nothing is changed. Exits with 1 if something fails.
    """
    import time

    from hemato_edge.doctor.examination import LIMIT_S, examine, is_good
    from hemato_edge.doctor.probes import PROBES

    started = time.monotonic()
    subject, configuration = _subject(config, root)
    limit_s = LIMIT_S if subject.machine.live else 10 * LIMIT_S  # files alone: nothing in them can hang
    findings = [configuration, *examine(subject, PROBES, limit_s)]
    seconds = time.monotonic() - started
    if as_json:
        typer.echo(_document(findings, seconds))
    else:
        _print(findings, seconds)
    if not is_good(findings):
        raise typer.Exit(1)


def _subject(config: Path | None, root: Path | None) -> tuple[Subject, Finding]:
    """What is examined, and what is to be said of the settings."""
    from hemato_edge.device.machine import Machine
    from hemato_edge.doctor.findings import failed, passed
    from hemato_edge.doctor.subject import Subject, this_subject
    from hemato_edge.errors import ConfigurationError
    from hemato_edge.settings import Settings, resolve

    if root is not None and not root.is_dir():
        raise typer.BadParameter(f"{root} is no folder.", param_hint="--root")
    try:
        resolved = resolve(config)
    except ConfigurationError as error:
        settings = Settings()
        fix = f"{error.fix} The rest of this report is for the defaults.".strip()
        finding = failed("settings", error.message, fix)
    else:
        settings = resolved.settings
        changed = sum(origin != "default" for origin in resolved.origins.values())
        finding = passed("settings", f"{resolved.file or 'no file'}; {changed} of {len(resolved.origins)} set")
    return (this_subject(settings) if root is None else Subject(Machine(root.absolute()), settings)), finding


def _document(findings: list[Finding], seconds: float) -> str:
    from hemato_edge.about import __version__
    from hemato_edge.doctor.examination import is_good

    document = {
        "good": is_good(findings),
        "version": __version__,
        "seconds": round(seconds, 2),
        "findings": [
            {"probe": f.probe, "status": f.status.value, "said": f.said, "fix": f.fix or None} for f in findings
        ],
    }
    return json_text(document, indent=1, ensure_ascii=False)


def _print(findings: list[Finding], seconds: float) -> None:
    """Plain lines: they are pasted into questions."""
    from collections import Counter

    from hemato_edge.about import __version__

    width = max(len(finding.probe) for finding in findings)
    for finding in findings:
        status = typer.style(finding.status.value, fg=_COLOURS[finding.status.value])
        typer.echo(f"{status}  {finding.probe:<{width}}  {_without_home(finding.said)}")
        if finding.fix:
            typer.echo(f"      {'':<{width}}  → {_without_home(finding.fix)}")
    counts = Counter(finding.status.value for finding in findings)
    told = ", ".join(f"{counts[name]} {name}" for name in _COLOURS if counts[name])
    typer.echo(f"{told}; hemato-edge {__version__}, {seconds:.1f} s")


def _without_home(text: str) -> str:
    """The text with `~` for the home folder: a person's name need not be in a question."""
    from hemato_edge.home import from_home

    home = str(from_home("~"))
    return text.replace(home + "/", "~/") if len(home) > 1 else text
