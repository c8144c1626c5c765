"""`hemato-edge config`: the effective settings, where each came from, and what can be set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hemato_edge.escaped import json_text

ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="The TOML file to read.")]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `config` group."""
    root.add_typer(app, name="config")


@app.command()
def show(
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Show every effective setting and where it came from."""
    from hemato_edge.settings import resolve

    resolved = resolve(config)
    values = resolved.values()
    if as_json:
        settings = {key: {"value": value, "origin": resolved.origins[key]} for key, value in values.items()}
        file = None if resolved.file is None else str(resolved.file)
        typer.echo(json_text({"file": file, "settings": settings}, indent=1, ensure_ascii=False))
        return
    shown = {key: "-" if value is None else str(value) for key, value in values.items()}
    key_width, width = max(map(len, shown)), max(map(len, shown.values()))
    for key, value in shown.items():
        typer.echo(f"{key:<{key_width}}  {value:<{width}}  {resolved.origins[key]}")


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A TOML file; else the one in use.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Check a configuration file, together with the environment. Exits with 6 if something is wrong."""
    from hemato_edge.settings import default_files, resolve

    resolved = resolve(file)
    if as_json:
        found = None if resolved.file is None else str(resolved.file)
        typer.echo(json_text({"good": True, "file": found}))
    elif resolved.file is None:
        places = " or ".join(map(str, default_files()))
        typer.echo(f"good: no configuration file at {places}; environment and defaults are valid")
    else:
        typer.echo(f"good: {resolved.file}")


@app.command()
def schema() -> None:
    """Write the JSON Schema of the configuration file."""
    from hemato_edge.settings.example import schema

    typer.echo(json_text(schema(), indent=1, ensure_ascii=False))


@app.command()
def example() -> None:
    """Write a configuration file with every setting, what it means, its bounds, its variable and its default."""
    from hemato_edge.settings.example import example_file

    typer.echo(example_file(), nl=False)
