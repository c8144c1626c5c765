"""`hemato-edge door`: what a running count can be asked and told from another terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.door.commands import Command
    from hemato_edge.door.messages import Answer

DoorPath = Annotated[
    Path | None, typer.Option("--door", metavar="PATH", help="The run's socket; else the setting door.path.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `door` group."""
    root.add_typer(app, name="door")


@app.command()
def state(door: DoorPath = None, as_json: AsJson = False) -> None:
    """Show what the run is doing."""
    from hemato_edge.door.commands import State

    told = _ask(door, State()).told
    if as_json:
        typer.echo(json_text(told, indent=1))
        return
    session = "" if told["session"] is None else f", session {told['session']}"
    typer.echo(f"{told['phase']}{session}; camera {told['camera']['name']}: {told['camera']['words']}")


@app.command()
def frame(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="Where the JPEG is written.")],
    door: DoorPath = None,
    width: Annotated[int, typer.Option(metavar="PX", help="Long side: 320, 480, 640 or 960.")] = 640,
    as_json: AsJson = False,
) -> None:
    """Write the newest picture; with --json also print what is known of it."""
    from hemato_edge.door.commands import WIDTHS, Picture
    from hemato_edge.door.messages import DoorError
    from hemato_edge.output_files import write_aside

    if width not in WIDTHS:
        raise typer.BadParameter(f"{width} is none of {', '.join(map(str, WIDTHS))}")
    answer = _ask(door, Picture(0, width))
    if not answer.jpeg:
        raise DoorError("The run has no picture.", "Is the camera's cap on?")
    write_aside(out, answer.jpeg)
    if as_json:
        typer.echo(json_text(dict(answer.told), indent=1))
    else:
        typer.echo(f"{out}: {answer.told['width']} × {answer.told['height']}, {answer.told['verdict']}")


@app.command()
def start(
    door: DoorPath = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="Your name for the sample.")] = "",
    until: Annotated[int, typer.Option(min=0, max=100_000, metavar="N", help="White cells to count; 0: no end.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Start the session of a run that waits (`run --wait`)."""
    from hemato_edge.door.commands import Start

    told = _ask(door, Start(label, until)).told
    typer.echo(json_text(told) if as_json else f"Session {told['session']} has begun.")


@app.command()
def stop(door: DoorPath = None, as_json: AsJson = False) -> None:
    """End the session in order; what it counted is then on disk."""
    from hemato_edge.door.commands import Stop

    told = _ask(door, Stop()).told
    said = f"Session {told['session']} has ended: {told.get('wbc', 0)} white cells."
    typer.echo(json_text(told) if as_json else said)


@app.command()
def note(text: Annotated[str, typer.Argument(help="At most 80 characters.")], door: DoorPath = None) -> None:
    """Record something with the session."""
    from hemato_edge.door.commands import Note

    _ask(door, Note(text))
    typer.echo("Noted.")


def _ask(door: Path | None, command: Command) -> Answer:
    from hemato_edge.door.client import DoorClient
    from hemato_edge.door.location import default_door
    from hemato_edge.settings import load_settings

    path = door or load_settings().door.path or default_door()
    with DoorClient(path, "command line") as client:
        return client.ask(command)
