"""`hemato-edge metrics`: files for Prometheus and Grafana."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `metrics` group."""
    root.add_typer(app, name="metrics")


@app.callback()
def metrics() -> None:
    """Files for Prometheus and Grafana."""


@app.command()
def files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where they are written; made if it is not there.")],
    target: Annotated[
        list[str] | None, typer.Option(metavar="HOST:PORT", help="A device; may be given again. Else this one.")
    ] = None,
) -> None:
    """Write a Grafana dashboard, Prometheus' configuration for the devices, and alerts."""
    from hemato_edge.outlets.prometheus.dashboard import RULES_FILE, dashboard, rules_file, scrape_file
    from hemato_edge.output_files import OutputError, written_aside

    texts = {
        "grafana-dashboard.json": json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n",
        "prometheus.yml": scrape_file(target or ["127.0.0.1:9464"]),
        RULES_FILE: rules_file(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}.", "Name another folder.") from error
    for name, text in texts.items():
        with written_aside(folder / name) as stream:
            stream.write(text.encode())
        typer.echo(str(folder / name))
