"""`hemato-edge service`: the systemd unit, installed, removed and asked how it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.service.installation import Plan
    from hemato_edge.service.status import ServiceState

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show every file and command, and do nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `service` group."""
    root.add_typer(app, name="service")


@app.command()
def install(
    dry_run: DryRun = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Only from the next boot on.")] = False,
    page: Annotated[
        bool, typer.Option("--page", help="With the page's unit; a count is then started at the page.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Install the unit for this program and /etc/hemato-edge/config.toml, and start it.

    Type it again after a change of the program's place, or of network or folders in the configuration.
    """
    from hemato_edge.errors import ServiceError
    from hemato_edge.service.installation import check_may_change, installation, temporary
    from hemato_edge.service.unit import this_program

    if not dry_run:
        check_may_change()
        for folder in temporary(this_program()):
            raise ServiceError(f"{folder} may be gone after a boot.", "Install the program elsewhere, say under /opt.")
    _do(installation(start=not no_start, page=page), dry_run=dry_run, as_json=as_json)


@app.command()
def uninstall(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Stop and remove the service. Counts, configuration and their user stay."""
    from hemato_edge.service.installation import check_may_change, removal

    if not dry_run:
        check_may_change()
    _do(removal(), dry_run=dry_run, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show how the service is. Exits with 0 if it runs, else with 12."""
    import time

    from hemato_edge.errors import ServiceError
    from hemato_edge.service.allowances import configured
    from hemato_edge.service.status import ask_systemd, drift, last_session, service_state

    properties = ask_systemd()
    settings = configured()
    installed = properties.get("LoadState") == "loaded"
    notes = drift(settings) if installed else []
    state = service_state(properties, time.monotonic(), last_session(settings), notes)
    typer.echo(json_text(state.as_dict(), indent=1, ensure_ascii=False) if as_json else _described(state))
    if not state.runs:
        raise typer.Exit(ServiceError.exit_code)


def _do(plan: Plan, *, dry_run: bool, as_json: bool) -> None:
    from hemato_edge.service.installation import carry_out

    if not dry_run:
        carry_out(plan, lambda step: typer.echo(step, err=as_json))
    if as_json:
        typer.echo(json_text({"done": not dry_run, **plan.as_dict()}, indent=1, ensure_ascii=False))
        return
    if dry_run:
        _show(plan)
    for note in plan.notes:
        typer.echo(f"note: {note}")


def _show(plan: Plan) -> None:
    import shlex

    for command in plan.first:
        typer.echo(f"$ {shlex.join(command)}")
    for path in plan.removed:
        typer.echo(f"# remove {path}, if it is there")
    for path, text in (plan.files or {}).items():
        typer.echo(f"# write {path}\n{text}")
    for command in plan.commands:
        typer.echo(f"$ {shlex.join(command)}")


def _described(state: ServiceState) -> str:
    if not state.installed:
        return "not installed: `sudo hemato-edge service install` does that"
    lines = [f"{'Service':<10} {state.active} ({state.sub}), {'enabled' if state.enabled else 'not enabled'}"]
    if state.runs:
        lines[0] += f", process {state.pid}, since {state.since}"
    if state.result != "success":
        lines.append(f"{'Ended':<10} {state.result}, exit code {state.exit_code}")
    lines.append(f"{'Restarts':<10} {state.restarts}")
    if state.status:
        lines.append(f"{'Says':<10} {state.status}")
    if state.runs and state.fed_s is not None:
        lines.append(f"{'Watchdog':<10} fed {state.fed_s} s ago, kills after {state.watchdog_s or 0:g} s")
    if state.memory_mb is not None:
        lines.append(f"{'Uses':<10} {state.memory_mb:g} MB, {state.tasks} threads")
    found = state.database
    lines.append(f"{'Database':<10} {found['path']}" + (f": {found['error']}" if "error" in found else ""))
    if "session" in found:
        lines.append(
            f"{'Session':<10} {found['session']} ({found['state']}) since {found['started_utc']}: {found['wbc']} white "
            f"cells, {found['fields']} fields of {found['frames']} frames"
        )
    return "\n".join([*lines, *(f"note: {note}" for note in state.notes)])
