"""`hemato-edge mqtt`: what waits for the broker, and sending it without counting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.settings import Settings

Database = Annotated[Path | None, typer.Option("--db", metavar="PATH", help="The database.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
_LOOK_EVERY_S = 0.05

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `mqtt` group."""
    root.add_typer(app, name="mqtt")


@app.command()
def status(db: Database = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show what waits in the outbox, without connecting to the broker."""
    from hemato_edge.outlets.mqtt.outbox import outbox_path, waiting_in

    settings = _settings(db, config)
    path = outbox_path(settings.store.path.resolve())
    waiting = waiting_in(path)
    if as_json:
        document = {"host": settings.mqtt.host, "outbox": str(path), "waiting": waiting}
        typer.echo(json_text(document, indent=1, ensure_ascii=False))
        return
    typer.echo(f"Broker {settings.mqtt.host or '- (mqtt.host is not set: nothing is sent)'}")
    typer.echo(f"{waiting} messages wait in {path}")


@app.command()
def send(
    db: Database = None,
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option("--mqtt", metavar="HOST", help="The broker.")] = None,
    wait: Annotated[float, typer.Option(min=0.1, metavar="S", help="Give up after so many seconds.")] = 30.0,
    as_json: Json = False,
) -> None:
    """Send what was recorded with MQTT on and has not reached the broker yet, then end."""
    import logging
    import time

    from hemato_edge.errors import OutletError
    from hemato_edge.outlets.mqtt.access import address
    from hemato_edge.outlets.mqtt.publisher import Publisher
    from hemato_edge.store.reader import Reader

    settings = _settings(db, config, host)
    address(settings.mqtt)
    Reader(settings.store.path).close()  # says what is wrong with it before an outbox is made beside it
    logging.getLogger("hemato_edge.outlets").setLevel(logging.ERROR)  # what goes wrong is this command's own error
    publisher = Publisher(settings.mqtt, settings.store.path)
    publisher.start()
    deadline = time.monotonic() + wait
    while not publisher.idle and publisher.trouble is None and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    reached, trouble = publisher.idle, publisher.trouble
    publisher.stop()
    sent, waiting, broker = publisher.sent, publisher.waiting, publisher.broker.name
    if as_json:
        typer.echo(json_text({"broker": broker, "sent": sent, "waiting": waiting}, indent=1))
    elif reached:
        typer.echo(f"Sent {sent} messages to {broker}; nothing waits.")
    if not reached:
        reason = trouble or f"{broker} gave no answer in {wait:g} s."
        raise OutletError(f"Not everything was sent: {reason}", f"{waiting} messages wait; nothing is lost.")


def _settings(db: Path | None, config: Path | None, host: str | None = None) -> Settings:
    from hemato_edge.settings import load_settings

    return load_settings(config, {"store.path": db, "mqtt.host": host})
