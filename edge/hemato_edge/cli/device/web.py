"""`hemato-edge web`: the page, and who may see it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.settings import Settings
    from hemato_edge.web.serving import Serving

ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings in TOML.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Database = Annotated[Path | None, typer.Option("--db", metavar="PATH", help="The database.")]
Host = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on; else the setting web.host.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, metavar="PORT", help="0: any free one.")]


DEMO_NAME, DEMO_PROFILES = "demo.db", "demo-profiles"
"""The demo's database and calibration profiles, beside the default ones: what was done today is found tomorrow."""


class PairedRole(str, Enum):
    """What a paired device may do."""

    VIEWER = "viewer"
    COUNTER = "counter"
    REVIEWER = "reviewer"
    KEEPER = "keeper"


app = typer.Typer(invoke_without_command=True)


def register(root: typer.Typer) -> None:
    """Add the `web` group."""
    root.add_typer(app, name="web")


@app.callback()
def web(
    context: typer.Context,
    host: Host = None,
    port: Port = None,
    db: Database = None,
    config: ConfigFile = None,
    demo: Annotated[bool, typer.Option("--demo", help="With a run over the drawn slide behind it.")] = False,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="SPEC", help="With a run over this camera behind it.")
    ] = None,
) -> None:
    """Serve the page. On another address than the loopback it is over TLS, for devices that `web pair` lets in."""
    if context.invoked_subcommand is not None:
        return
    _check_extra()
    from hemato_edge.web.serving import give_memory_back, listening, plan, server

    give_memory_back()
    settings = _settings(config, db)
    with ExitStack() as stack:
        serving = plan(settings, host, port)
        serving = replace(serving, options=replace(serving.options, config=config))
        if demo:
            serving = _with_demo(stack, serving, db)
        serving, bound = listening(serving)
        stack.enter_context(bound)
        if camera is not None:
            _with_camera(stack, serving, camera, config)
        made = server(serving)
        _say_where(serving)
        if not demo and camera is None:
            _say_whether_it_counts(serving)
        made.run(sockets=[bound])


@app.command()
def pair(
    role: Annotated[PairedRole, typer.Option(help="What the device may do.")] = PairedRole.COUNTER,
    host: Host = None,
    port: Port = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let one device in: prints an address, a PIN and a QR code, good once and for five minutes."""
    _check_extra()
    from hemato_edge.web.security.access import Role
    from hemato_edge.web.security.pairing import GOOD_S, Pairing
    from hemato_edge.web.serving import plan

    settings = _settings(config)
    serving = plan(settings, host, port)
    pin = Pairing(settings.web.folder).new_pin(Role.of(role.value))
    address = f"{serving.address}/pair#code={pin}"
    fingerprint = None if serving.certificate is None else serving.certificate.fingerprint
    if as_json:
        told = {"address": serving.address, "pin": pin, "role": role.value, "good_s": GOOD_S}
        typer.echo(json_text(told | {"fingerprint": fingerprint}, indent=1))
        return
    _draw(address)
    typer.echo(f"{serving.address}\nPIN {pin[:4]} {pin[4:]}   once, within {GOOD_S / 60:.0f} minutes, as {role.value}")
    if fingerprint:
        typer.echo(f"SHA-256 of its authority: {fingerprint}")


@app.command()
def devices(
    revoke: Annotated[str | None, typer.Option(metavar="ID", help="Take this device's pairing back.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the paired devices, or revoke one; it is out at its next request."""
    _check_extra()
    from hemato_edge.web.security.access import WebError
    from hemato_edge.web.security.devices import Devices

    known = Devices(_settings(config).web.folder)
    if revoke is not None and not known.revoke(revoke):
        raise WebError(f"No device {revoke} is paired.", "`hemato-edge web devices` lists them.")
    rows = [
        {"id": d.id, "name": d.name, "person": d.person, "role": d.role.word, "seen": d.seen.isoformat()}
        for d in known.all()
    ]
    if as_json:
        typer.echo(json_text({"devices": rows}, indent=1, ensure_ascii=False))
        return
    for row in rows:
        seen = row["seen"][:16].replace("T", " ")
        typer.echo(f"{row['id']}  {row['role']:<9} {seen}  {row['name']}  {row['person']}")
    if not rows:
        typer.echo("No device is paired; `hemato-edge web pair` lets one in.")


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="What the program is called, for the list of devices.")],
    role: Annotated[PairedRole, typer.Option(help="What the program may do.")] = PairedRole.VIEWER,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a program in: prints a token for the API, once; it ends when it was not used for 30 days."""
    _check_extra()
    from hemato_edge.web.security.access import Role
    from hemato_edge.web.security.devices import Devices

    made = Devices(_settings(config).web.folder).add(name, "", Role.of(role.value))
    typer.echo(json_text({"token": made, "role": role.value}, indent=1) if as_json else made)


@app.command()
def alive(config: ConfigFile = None, port: Port = None) -> None:
    """Ask the page that is served on this machine whether it answers: exit code 0 if it does."""
    _check_extra()
    from hemato_edge.web.serving import ask_alive

    ask_alive(_settings(config), port)
    typer.echo("The page answers.")


@app.command()
def certificate(
    host: Host = None,
    config: ConfigFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Copy the authority's certificate there.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make or show the certificate, and where its authority's file is that a phone may be given."""
    _check_extra()
    from hemato_edge.output_files import write_aside
    from hemato_edge.web.security.certificate import certificate_for
    from hemato_edge.web.services import LOOPBACK
    from hemato_edge.web.serving import is_loopback, own_names

    settings = _settings(config)
    listens = host or settings.web.host
    everywhere = "0.0.0.0" if is_loopback(listens) else listens  # noqa: S104 - names for a certificate, nothing is bound
    names = sorted(LOOPBACK | set(own_names(everywhere)) | {name.lower() for name in settings.web.names})
    made = certificate_for(settings.web.folder, names)
    if out is not None:
        write_aside(out, made.authority.read_bytes())
    told = {
        "authority": str(out or made.authority),
        "fingerprint": made.fingerprint,
        "ends": made.ends.isoformat(),
        "names": names,
    }
    if as_json:
        typer.echo(json_text(told, indent=1))
        return
    typer.echo(f"Authority   {told['authority']}\nSHA-256     {made.fingerprint}\nGood until  {made.ends:%Y-%m-%d}")
    typer.echo(f"Names       {', '.join(names)}")


def _settings(config: Path | None, db: Path | None = None) -> Settings:
    from hemato_edge.settings import load_settings

    return load_settings(config, {"store.path": db})


def _with_demo(stack: ExitStack, serving: Serving, db: Path | None) -> Serving:
    """The demo's run, with settings of its own; its sessions and objectives are kept beside yours."""
    import tempfile

    from hemato_edge.web.demo import Runs

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hemato-edge-")))
    options = replace(
        serving.options,
        door=folder / "door.sock",
        folder=folder,
        database=db or serving.options.database.with_name(DEMO_NAME),
    )
    if db is None:  # on a device that was never used there is no folder yet
        options.database.parent.mkdir(parents=True, exist_ok=True)
    profiles = options.database.with_name(DEMO_PROFILES)
    (folder / "demo.toml").write_text(f"[calibration]\nfolder = {json_text(str(profiles))}\n", "utf-8")
    told = ["--camera", "live-demo", "--config", str(folder / "demo.toml")]
    stack.enter_context(Runs(told, options.door, options.database))
    return replace(serving, options=options)


def _with_camera(stack: ExitStack, serving: Serving, camera: str, config: Path | None) -> None:
    """A run over this camera, started anew after each session, as the service does it.

    Raises:
        WebError: a run has the door already.
    """
    from hemato_edge.web.demo import Runs
    from hemato_edge.web.security.access import WebError

    options = serving.options
    if _counts(serving):
        raise WebError(f"A run has the door {options.door} already.", "End that run, or leave --camera out.")
    told = [] if config is None else ["--config", str(config)]
    stack.enter_context(Runs(["--camera", camera, *told], options.door, options.database))


def _counts(serving: Serving) -> bool:
    """Whether a run answers at the door."""
    from hemato_edge.door.client import DoorClient
    from hemato_edge.door.commands import State
    from hemato_edge.door.messages import DoorError

    with DoorClient(serving.options.door, "page") as client:
        try:
            client.ask(State())
        except DoorError:
            return False
    return True


def _say_whether_it_counts(serving: Serving) -> None:
    if not _counts(serving):
        typer.echo(
            "No run answers yet: history and review work, live picture and counting do not. "
            "Start one: hemato-edge run --wait, or end this and add --camera.",
            err=True,
        )


def _say_where(serving: Serving) -> None:
    token = serving.options.own_token
    if token is not None:
        typer.echo(f"Open {serving.address}/pair?now#code={token}")
        typer.echo("Only this machine reaches it; --host opens it to the network. Ctrl-C ends it.")
        return
    typer.echo(f"Serving {serving.address}; `hemato-edge web pair` lets a device in.")
    if serving.certificate is not None and serving.certificate.fingerprint:
        typer.echo(f"SHA-256 of its authority: {serving.certificate.fingerprint}")
    if serving.options.secure is False:
        typer.echo("warning: not encrypted (web.security = none): others on the network can read along.", err=True)


def _draw(address: str) -> None:
    import sys

    import segno

    if sys.stdout.isatty():
        segno.make(address, error="l").terminal(compact=True)
    else:
        typer.echo(address)


def _check_extra() -> None:
    """The page's dependencies are there.

    Raises:
        MissingExtraError: they are not.
    """
    from importlib.util import find_spec

    from hemato_edge.errors import MissingExtraError

    for name in ("starlette", "uvicorn", "jinja2", "segno", "cryptography", "python_multipart"):
        if find_spec(name) is None:
            raise MissingExtraError(
                f"The page needs {name.replace('_', '-')}, which is not installed.",
                "Type `pip install 'hemato-edge[web]'`.",
            )
