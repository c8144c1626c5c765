"""The group of all commands, the device's and those of other packages: each is loaded when it is asked for."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from hemato_edge.cli.anywhere import with_global_options
from hemato_edge.cli.collection import resume_collection
from hemato_edge.cli.commands import DEVICE_COMMANDS, CommandSource
from hemato_edge.extensions import COMMANDS, extensions


class CommandGroup(TyperGroup):
    """Knows its commands by name and summary, and loads the one that is asked for."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # typer brings its own click from 0.20 on
        """The command of that name; other packages are asked where the device has none."""
        source = self._device.get(cmd_name) or self._brought.get(cmd_name)
        if source is None:
            return super().get_command(ctx, cmd_name)
        if source.name not in self.commands:
            self._load(source)
        return self.commands[source.name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As typer does; a misspelt name is compared with all names, not with those that are loaded."""
        close = get_close_matches(args[0], self.list_commands(ctx), n=1)
        if close and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return [*self._device, *self._brought]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands in the help: by their summaries, nothing is loaded for it."""
        sources = [*self._device.values(), *self._brought.values()]
        with formatter.section("Commands"):
            formatter.write_dl([(source.name, source.summary) for source in sources])

    @cached_property
    def _device(self) -> dict[str, CommandSource]:
        return {source.name: source for source in DEVICE_COMMANDS}

    @cached_property
    def _brought(self) -> dict[str, CommandSource]:
        found = [source for _, source in extensions(COMMANDS) if isinstance(source, CommandSource)]
        return {source.name: source for source in found if source.name not in self._device}

    def _load(self, source: CommandSource) -> None:
        app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        import_module(source.module).register(app)
        resume_collection()
        command = get_group(app).commands[source.name]
        if hasattr(command, "commands"):
            command.help = source.summary
        self.commands = {**self.commands, source.name: with_global_options(command)}
