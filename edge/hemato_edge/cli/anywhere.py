"""The global options `-v` and `-q` behind a command as well as before it."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import typer
from typer.main import get_command

from hemato_edge.journal import log_level, set_up_logging

_NAMES = ("verbose", "quiet")


def _louder(context: typer.Context, value: int) -> int:
    return _set(context, "verbose", value)


def _quieter(context: typer.Context, value: bool) -> bool:
    return bool(_set(context, "quiet", value))


def _set(context: typer.Context, name: str, value: int) -> int:
    """Put it where the global option would have: in the root's parameters, which `run` reads again later."""
    flags = context.find_root().params
    if value and set(_NAMES) <= set(flags):
        flags[name] = value
        set_up_logging(log_level(flags["verbose"], quiet=flags["quiet"]))
    return value


def _template(
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, callback=_louder, hidden=True)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", callback=_quieter, hidden=True)] = False,
) -> None:
    """Only its parameters are taken."""


def with_global_options(command: Any) -> Any:
    """The command, and those inside of it, with `-v` and `-q`; each keeps an option of its own of that name."""
    if getattr(command, "takes_global_options", False):
        return command
    command.takes_global_options = True
    for inner in getattr(command, "commands", {}).values():
        with_global_options(inner)
    taken = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    command.params += [parameter for parameter in _global_options() if not taken & set(parameter.opts)]
    return command


@cache
def _global_options() -> list[Any]:
    app = typer.Typer(add_completion=False)
    app.command()(_template)
    found = [parameter for parameter in get_command(app).params if parameter.name in _NAMES]
    for parameter in found:
        parameter.expose_value = False
    return found
