"""Installing and removing the service: a plan that can be shown, and its execution."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import ServiceError
from hemato_edge.service.allowances import NOT_KEPT, allowances, configured
from hemato_edge.service.unit import (
    NAME,
    STATE_FOLDER,
    SYSUSERS,
    USER,
    WEB_NAME,
    this_program,
    unit,
    waiting_drop_in,
    web_unit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hemato_edge.service.unit import Program

UNIT = Path("/etc/systemd/system") / NAME
DROP_IN = UNIT.with_name(NAME + ".d") / "10-configuration.conf"
WEB_UNIT = UNIT.with_name(WEB_NAME)
WAITING_DROP_IN = DROP_IN.with_name("20-page.conf")
SYSUSERS_FILE = Path("/etc/sysusers.d/hemato-edge.conf")
BOOTED = Path("/run/systemd/system")
"""Exists if systemd runs this machine (sd_booted(3))."""
_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps, in this order.

    Attributes:
        removed: files to remove.
        files: file → its new text.
        commands: to run afterwards.
        first: commands to run before anything else; they may fail.
        notes: for the user.
    """

    removed: tuple[Path, ...] = ()
    files: Mapping[Path, str] | None = None
    commands: tuple[tuple[str, ...], ...] = ()
    first: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """In JSON's types."""
        return {
            "first": [shlex.join(command) for command in self.first],
            "remove": [str(path) for path in self.removed],
            "write": [{"path": str(path), "content": text} for path, text in (self.files or {}).items()],
            "commands": [shlex.join(command) for command in self.commands],
            "notes": list(self.notes),
        }


def installation(
    program: Program | None = None,
    settings: Mapping[str, object] | None = None,
    *,
    start: bool = True,
    page: bool = False,
) -> Plan:
    """The plan of `service install`.

    Args:
        program: the program to start; None: the running one.
        settings: by default those of `configured`.
        start: start the service, too.
        page: include the page's unit, and let the counting service wait until a session is started there.

    Raises:
        ConfigurationError: the service's configuration is not valid.
    """
    program = program or this_program()
    settings = configured() if settings is None else settings
    allowed = allowances(settings, program)
    drop_in = allowed.drop_in()
    names = (NAME, WEB_NAME) if page else (NAME,)
    commands = [
        ("systemd-sysusers", str(SYSUSERS_FILE)),
        ("systemctl", "daemon-reload"),
        ("systemctl", "enable", *names),
    ]
    if start:  # not "restart": a stop ends the waiting after failed starts, too
        commands += [("systemctl", "stop", *names), ("systemctl", "start", *names)]
    files = {SYSUSERS_FILE: SYSUSERS, UNIT: unit(program)}
    removed = [] if drop_in is not None else [DROP_IN]
    first: tuple[tuple[str, ...], ...] = ()
    if page:
        files |= {WEB_UNIT: web_unit(program), WAITING_DROP_IN: waiting_drop_in(program)}
    elif WEB_UNIT.exists():  # of an earlier installation
        removed += [WEB_UNIT, WAITING_DROP_IN]
        first = (("systemctl", "disable", "--now", WEB_NAME),)
    notes = [f"{folder} must belong to the user {USER}: sudo chown {USER}: {folder}" for folder in allowed.writable]
    notes += [f"{f} may be gone after a boot: install the program elsewhere" for f in temporary(program)]
    return Plan(
        removed=tuple(removed),
        first=first,
        files=files if drop_in is None else {**files, DROP_IN: drop_in},
        commands=tuple(commands),
        notes=tuple(notes),
    )


def removal() -> Plan:
    """The plan of `service uninstall`: counts, configuration and the user that owns the counts are kept."""
    return Plan(
        removed=(DROP_IN, WAITING_DROP_IN, UNIT, WEB_UNIT, SYSUSERS_FILE),
        first=(("systemctl", "disable", "--now", WEB_NAME), ("systemctl", "disable", "--now", NAME)),
        commands=(("systemctl", "daemon-reload"),),
        notes=(f"The counts in {STATE_FOLDER} and their user {USER} stay.",),
    )


def temporary(program: Program) -> list[Path]:
    """Folders of the program in places that a boot may clear."""
    return [f for f in program.folders if any(f.is_relative_to(place) for place in NOT_KEPT)]


def check_may_change(user: int | None = None, booted: Path = BOOTED) -> None:
    """Raises ServiceError unless run by root on a machine with systemd.

    Args:
        user: effective user id; None: this process's.
        booted: the folder that exists where systemd runs.
    """
    if not booted.is_dir():
        raise ServiceError(
            "systemd does not run this machine, so there can be no service.",
            "Start `hemato-edge run --no-display` by other means; it ends in order on SIGTERM. "
            "--dry-run shows what would be installed.",
        )
    if (os.geteuid() if user is None else user) != 0:
        raise ServiceError(
            "Only root may install or remove a service.",
            "Type `sudo $(command -v hemato-edge) service …`; --dry-run shows what would be done.",
        )


def carry_out(plan: Plan, say: Callable[[str], None]) -> None:
    """Execute a plan; `say` is called with each step before it is done.

    Raises:
        ServiceError: a file cannot be written, or a command failed.
    """
    for command in plan.first:
        say(shlex.join(command))
        _run(command, may_fail=True)
    try:
        for path in plan.removed:
            if path.exists():
                say(f"remove {path}")
                path.unlink()
        if DROP_IN in plan.removed and DROP_IN.parent.is_dir() and not any(DROP_IN.parent.iterdir()):
            DROP_IN.parent.rmdir()
        for path, text in (plan.files or {}).items():
            say(f"write {path}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
    except OSError as error:
        raise ServiceError(
            f"{error.filename} cannot be changed: {error.strerror}.", "Is / mounted read-only?"
        ) from error
    for command in plan.commands:
        say(shlex.join(command))
        _run(command)


def _run(command: tuple[str, ...], *, may_fail: bool = False) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603
    except FileNotFoundError:
        raise ServiceError(f"There is no {command[0]} here.", "Install the package systemd.") from None
    except subprocess.TimeoutExpired:
        raise ServiceError(
            f"`{shlex.join(command)}` takes more than {_TIMEOUT_S:.0f} s.", f"See `journalctl -u {NAME} -n 30`."
        ) from None
    if done.returncode != 0 and not may_fail:
        said = " ".join(done.stderr.split())
        fix = f"See `journalctl -u {NAME} -n 30`." if command[1] == "start" else ""
        raise ServiceError(f"`{shlex.join(command)}` failed: {said}", fix)
