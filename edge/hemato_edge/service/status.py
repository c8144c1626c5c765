"""State of the service: from systemd, and from its database."""

from __future__ import annotations

import re
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import HematoEdgeError, ServiceError
from hemato_edge.service.installation import DROP_IN, UNIT, installation
from hemato_edge.service.unit import CONFIGURATION, DATABASE, NAME
from hemato_edge.store.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "Result",
    "ExecMainStatus",
    "MainPID",
    "NRestarts",
    "StatusText",
    "ActiveEnterTimestamp",
    "WatchdogUSec",
    "WatchdogTimestampMonotonic",
    "MemoryCurrent",
    "TasksCurrent",
    "NeedDaemonReload",
)
_CAMERA = re.compile(r"camera (live|stalled|recovering|failed)\b")
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The service at one moment; numbers are None if systemd does not know them.

    Attributes:
        installed, enabled: whether there is a unit, and whether it starts at boot.
        active: systemd's ActiveState: active, activating, reloading, deactivating, inactive or failed.
        sub: systemd's SubState, such as "running" or "auto-restart".
        result, exit_code: how it last ended; "success" and 0 while it runs.
        pid: its process; 0 if there is none.
        restarts: number of automatic restarts.
        since: when it last became ready, in systemd's format.
        status: the program's last status text.
        camera: live, stalled, recovering or failed, from that text; None without.
        fed_s: seconds since the last watchdog ping. watchdog_s: the watchdog's timeout.
        memory_mb, tasks: current usage.
        database: its path, and number, state and counts of its last session, or the error.
        notes: advice to the user.
    """

    installed: bool
    enabled: bool
    active: str
    sub: str
    result: str
    exit_code: int | None
    pid: int | None
    restarts: int | None
    since: str
    status: str
    camera: str | None
    fed_s: float | None
    watchdog_s: float | None
    memory_mb: float | None
    tasks: int | None
    database: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        """Whether it counts or reloads its settings."""
        return self.active in ("active", "reloading")

    def as_dict(self) -> dict[str, object]:
        """In JSON's types."""
        return asdict(self)


def ask_systemd() -> dict[str, str]:
    """The unit's properties.

    Raises:
        ServiceError: systemd is not available.
    """
    command = ["systemctl", "show", NAME, "--property", ",".join(PROPERTIES)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)  # noqa: S603
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"systemctl cannot be asked: {error}.", "Is this machine run by systemd?") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        raise ServiceError(f"systemd does not answer: {said}.", "Is this machine run by systemd?")
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def service_state(
    properties: Mapping[str, str],
    now_s: float,
    database: dict[str, object] | None = None,
    notes: list[str] | None = None,
) -> ServiceState:
    """The state given by systemd's properties.

    Args:
        properties: see `ask_systemd`.
        now_s: CLOCK_MONOTONIC at the same moment, seconds.
        database: see `last_session`.
        notes: see `drift`.
    """
    fed, interval, memory = (
        _number(properties, name) for name in ("WatchdogTimestampMonotonic", "WatchdogUSec", "MemoryCurrent")
    )
    status = properties.get("StatusText", "")
    camera = _CAMERA.search(status)
    advice = ["Type `sudo systemctl daemon-reload`: the unit has changed."]
    return ServiceState(
        installed=properties.get("LoadState") == "loaded",
        enabled=properties.get("UnitFileState") == "enabled",
        active=properties.get("ActiveState", "unknown"),
        sub=properties.get("SubState", "unknown"),
        result=properties.get("Result", "unknown"),
        exit_code=_number(properties, "ExecMainStatus"),
        pid=_number(properties, "MainPID"),
        restarts=_number(properties, "NRestarts"),
        since=properties.get("ActiveEnterTimestamp", ""),
        status=status,
        camera=None if camera is None else camera[1],
        fed_s=None if not fed else round(now_s - fed / 1e6, 1),
        watchdog_s=None if interval is None else interval / 1e6,
        memory_mb=None if memory is None else round(memory / 1e6, 1),
        tasks=_number(properties, "TasksCurrent"),
        database=database or {},
        notes=(advice if properties.get("NeedDaemonReload") == "yes" else []) + (notes or []),
    )


def last_session(settings: Mapping[str, object]) -> dict[str, object]:
    """The service's database, and its last session or why it cannot be read."""
    path = Path(str(settings.get("store.path") or DATABASE))
    found: dict[str, object] = {"path": str(path)}
    try:
        if not path.exists():
            return {**found, "error": "it does not exist yet"}
        with Reader(path) as reader:
            session = reader.session()
            totals = reader.totals(session.id)
            tallies = reader.tallies(session.id)
    except HematoEdgeError as error:
        return {**found, "error": str(error)}
    except PermissionError:
        return {**found, "error": "only root and the group hemato-edge may read it"}
    return {
        **found,
        "session": session.id,
        "state": session.state,
        "started_utc": session.started_utc.isoformat(),
        "fields": totals.fields,
        "frames": totals.frames,
        "wbc": totals.wbc,
        "rbc": totals.rbc,
        "platelet": totals.platelet,
        "dropped": totals.dropped,
        "tallies": tallies,
    }


def drift(settings: Mapping[str, object]) -> list[str]:
    """Advice if the installed files differ from what `service install` would write now."""
    plan = installation(settings=settings)
    wanted = dict(plan.files or {})
    same = _text(UNIT) == wanted.get(UNIT) and _text(DROP_IN) == wanted.get(DROP_IN)
    if same:
        return []
    return [
        f"The installed unit is not what this program and {CONFIGURATION} need: "
        "type `sudo hemato-edge service install`, or see `hemato-edge service install --dry-run`."
    ]


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


_UNITS = {"us": 1, "ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6}


def _number(properties: Mapping[str, str], name: str) -> int | None:
    """An integer, a time span such as "1min 30s" in microseconds, or None where systemd has none."""
    text = properties.get(name, "")
    if text.isdigit():
        return int(text) if int(text) < 2**63 else None  # "not set" is the largest number in older versions
    parts = re.findall(r"(\d+)([a-z]+)", text)
    if parts and all(unit in _UNITS for _, unit in parts):
        return sum(int(count) * _UNITS[unit] for count, unit in parts)
    return None
