"""`hemato-edge update`: a new version from a signed file, without a network, and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.updating.applying import Outcome, Restart

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
NoRestart = Annotated[bool, typer.Option("--no-restart", help="Leave a running service on the version that it has.")]


class FileFirst(TyperGroup):
    """`update FILE` without the name of a command: it stands for `update apply FILE`."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # typer brings its own click from 0.20 on
        """The command of that name, else `apply`."""
        return super().get_command(ctx, cmd_name) or self.commands["apply"]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer does, unless the first word is none of the commands."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["apply", *args])


app = typer.Typer(
    cls=FileFirst,
    no_args_is_help=True,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)


def register(root: typer.Typer) -> None:
    """Add the `update` group."""
    root.add_typer(app, name="update")


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="What `update make` wrote.", metavar="FILE")],
    force: Annotated[bool, typer.Option("--force", help="Also an older version than the one in use.")] = False,
    no_restart: NoRestart = False,
    keys: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Of trusted keys; else the setting model.trusted_keys.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try the version in a signed file, and use it.

    A running service is started anew. The word `apply` need not be typed.
    """
    from hemato_edge.errors import ConfigurationError, UpdateError
    from hemato_edge.settings import load_settings
    from hemato_edge.updating.applying import apply as put_to_use
    from hemato_edge.updating.package import read_package
    from hemato_edge.updating.releases import Releases

    if not file.exists():
        raise UpdateError(f"There is no file {file}.", "Check the path.")
    trusted = keys or load_settings().model.trusted_keys
    if trusted is None:
        raise ConfigurationError(
            "There is no folder of trusted keys, so no update can be trusted.",
            "`hemato-edge model trust KEY.pub --folder FOLDER`, then set model.trusted_keys or add --keys FOLDER.",
        )
    update = read_package(file, trusted)
    if not as_json:
        typer.echo(
            f"{file}: version {update.version}, signed by {update.key}{f': {update.note}' if update.note else ''}"
        )
    restart = _restart(no_restart=no_restart)
    outcome = put_to_use(update, Releases(), force=force, restart=restart, tell=lambda step: typer.echo(step, err=True))
    _tell(outcome, as_json=as_json)
    if update.models and load_settings().model.path is not None and not as_json:
        typer.echo("note: the model in the update is not used, since model.path names another one")


@app.command()
def rollback(no_restart: NoRestart = False, as_json: AsJson = False) -> None:
    """Use the version before the one in use.

    Typed again, it goes forward.
    """
    from hemato_edge.updating.applying import roll_back
    from hemato_edge.updating.releases import Releases

    outcome = roll_back(Releases(), _restart(no_restart=no_restart), lambda step: typer.echo(step, err=True))
    _tell(outcome, as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show the versions that are here.

    The version in use, the one to go back to, and the one that pip installed.
    """
    from hemato_edge.updating.releases import Releases

    releases = Releases()
    state = releases.state()
    previous = None if state.previous is None else releases.version_of(state.previous)
    said = {
        "version": releases.version_of(state.current),
        "previous": previous,
        "installed": releases.base_version,
        "complete": state.trusted,
        "folder": str(releases.folder),
    }
    if as_json:
        typer.echo(json_text(said, indent=1))
        return
    typer.echo(f"in use      {said['version']}{'' if state.trusted else ' (its update was cut off: type it again)'}")
    typer.echo(f"before      {previous or 'none'}")
    typer.echo(f"by pip      {releases.base_version}")


@app.command()
def make(
    out: Annotated[Path, typer.Argument(help="The new file.", metavar="FILE")],
    wheel: Annotated[list[Path], typer.Option(metavar="WHL", help="Of hemato-edge, and of what a device lacks.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="What `model key` made.")],
    model: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="In the place of the wheel's own; one of each task.")
    ] = None,
    note: Annotated[str, typer.Option(help="What is new, for who installs it.")] = "",
) -> None:
    """Make a signed update, on the workstation."""
    from hemato_edge.updating.making import make_update

    version, name = make_update(out, wheel, model or [], note, key)
    typer.echo(f"{out}: version {version}, {out.stat().st_size / 1e6:.1f} MB, signed by {name}")


def _restart(*, no_restart: bool) -> Restart | None:
    from hemato_edge.updating.restarting import restart_service, service_runs

    return restart_service if not no_restart and service_runs() else None


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        typer.echo(json_text(asdict(outcome), indent=1))
    elif outcome.changed:
        typer.echo(f"version {outcome.now} is in use, {outcome.before} before; `hemato-edge update rollback` goes back")
    else:
        typer.echo(f"version {outcome.now} of this file is in use already")
