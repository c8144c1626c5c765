"""Options that stand before a sub-command count for the sub-command."""

from __future__ import annotations

from typing import Any

import typer

_GIVEN = ("COMMANDLINE", "ENVIRONMENT")
"""Where a value comes from that somebody gave, by the name of the parser's ParameterSource."""


def hand_down(context: typer.Context) -> None:
    """Let what was given to a group stand as the defaults of the sub-command that follows.

    `review --db X --session 3 relabel …` changes session 3 of X. What also stands behind the sub-command wins.

    Raises:
        typer.BadParameter: the sub-command has no such option: it must not be dropped in silence.
    """
    name = context.invoked_subcommand
    if name is None:
        return
    command: Any = context.command
    followed = command.get_command(context, name)
    known = {parameter.name for parameter in followed.params}
    given = {
        option: value
        for option, value in context.params.items()
        if getattr(context.get_parameter_source(option), "name", None) in _GIVEN
    }
    for option in given.keys() - known:
        raise typer.BadParameter(f"`{name}` has no option --{option.replace('_', '-')}")
    context.default_map = {**(context.default_map or {}), name: given}
