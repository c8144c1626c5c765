"""`hemato-edge hl7`: reports to a laboratory's system, and what waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.sending.mqtt import ConfigFile, Database, Json
from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hemato_edge.errors import OutletError
    from hemato_edge.outlets.hl7.acknowledged import Acknowledged
    from hemato_edge.settings import Hl7Settings
    from hemato_edge.store.reader import Reader

ASKED_FOR = "hl7.host"
"""The setting by which a person asks for it. Each session keeps the settings that it was recorded with."""
app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the `hl7` group."""
    root.add_typer(app, name="hl7")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one round of sending has come to.

    Attributes:
        sent: reports that the receiver took.
        refused: session → why the receiver refused its report; it is not sent again until it changes.
        waiting: reports that were not acknowledged.
        unapproved: sessions that nobody has approved, where only approved ones are sent.
        trouble: why some wait; None where none does.
    """

    sent: int
    refused: dict[int, str]
    waiting: int
    unapproved: int
    trouble: OutletError | None


@app.callback()
def hl7() -> None:
    """Reports as HL7 v2 messages over MLLP."""


@app.command()
def send(
    db: Database = None,
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option("--hl7", metavar="HOST", help="The receiver.")] = None,
    wait: Annotated[float, typer.Option(min=0.1, metavar="S", help="Give up after so many seconds.")] = 30.0,
    again: Annotated[bool, typer.Option("--again", help="Also those that the receiver has refused before.")] = False,
    as_json: Json = False,
) -> None:
    """Send the reports that were recorded with HL7 on and that the receiver has not acknowledged."""
    from hemato_edge.errors import ConfigurationError, OutletError
    from hemato_edge.settings import load_settings

    settings = load_settings(config, {"store.path": db, "hl7.host": host})
    if settings.hl7.host is None:
        raise ConfigurationError("hl7.host is not set.", "Set it, or name the receiver with --hl7.")
    found = send_due(settings.hl7, settings.store.path, wait, again=again)
    if as_json:
        told = {"sent": found.sent, "refused": found.refused, "waiting": found.waiting, "unapproved": found.unapproved}
        typer.echo(json_text(told, indent=1, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines(found)))
    if found.trouble is not None:
        raise found.trouble
    if found.refused:
        raise OutletError(f"{len(found.refused)} reports were refused.", "Mend the cause, then `hl7 send --again`.")


def send_due(settings: Hl7Settings, database: Path, wait_s: float, *, again: bool = False) -> Outcome:
    """Send what is due, the oldest first; after the first one that gets no acknowledgement, the others wait.

    Args:
        settings: with a host.
        database: there already.
        wait_s: seconds for all of it.
        again: refused reports, too.

    Raises:
        StoreError: the database, or the file of the acknowledged reports, cannot be used.
    """
    from hemato_edge.errors import OutletError
    from hemato_edge.outlets.hl7.acknowledged import Acknowledged, acknowledged_path
    from hemato_edge.outlets.hl7.mllp import NotAcceptedError, exchange
    from hemato_edge.store.reader import Reader

    deadline = time.monotonic() + wait_s
    sent, waiting, refused, trouble = 0, 0, {}, None
    path = database.resolve()
    with Reader(path) as reader, Acknowledged(acknowledged_path(path)) as settled:
        if again:
            settled.forget_refused()
        due, unapproved = _due(reader, settled, settings)
        for one in due:
            earlier = settled.control(one.key)
            if trouble is not None and earlier is None:
                waiting += 1
                continue
            message, control = _report(reader, one.session, settings)
            if control == earlier:
                settled.still_settled(one.key, one.link)
                continue
            if trouble is not None:
                waiting += 1
                continue
            try:
                exchange(message, control, settings, min(deadline, time.monotonic() + settings.timeout_s))
            except NotAcceptedError as error:
                refused[one.session] = error.message
                settled.settle(one.key, one.link, control, error.message)
            except OutletError as error:
                trouble, waiting = error, waiting + 1
            else:
                sent += 1
                settled.settle(one.key, one.link, control)
    return Outcome(sent, refused, waiting, unapproved, trouble)


def lines(found: Outcome) -> Iterator[str]:
    """What one round of sending has come to, in words."""
    yield f"{found.sent} reports sent; {found.waiting} wait."
    yield from (f"Session {session}: {why}" for session, why in found.refused.items())
    if found.unapproved:
        yield f"{found.unapproved} sessions are not approved: `review approve`, or set hl7.approved_only = false."


@dataclass(frozen=True, slots=True)
class _Due:
    """A session whose report is due: its number, its name that no other database has, the end of its chain."""

    session: int
    key: str
    link: str | None


def _due(reader: Reader, settled: Acknowledged, settings: Hl7Settings) -> tuple[list[_Due], int]:
    """The sessions that have changed since the receiver had their reports; and how many nobody has approved."""
    from hemato_edge.outlets.mqtt.messages import session_key
    from hemato_edge.store.records import RUNNING

    due, unapproved = [], 0
    for record in reader.sessions():
        if record.state == RUNNING or record.settings.get(ASKED_FOR) is None:
            continue
        approval = reader.approval(record.id)
        if settings.approved_only and (approval is None or approval.overtaken):
            unapproved += 1
            continue
        one = _Due(record.id, session_key(record), reader.last_link(record.id))
        if not settled.settled(one.key, one.link):
            due.append(one)
    return due, unapproved


def _report(reader: Reader, session: int, settings: Hl7Settings) -> tuple[str, str]:
    """The message of a session's report, and its control id."""
    from hemato_edge.views.report.build import build_report
    from hemato_edge.views.report.formats.hl7 import Addresses, control_id, oru_r01

    addresses = Addresses(settings.device, settings.application, settings.facility, settings.processing)
    message = oru_r01(build_report(reader, session), addresses)
    return message, control_id(message)
