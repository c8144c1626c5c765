"""The systemd unit, from one template: for the repository and for installation.

`python -m hemato_edge.service.unit > systemd/hemato-edge.service` writes the repository's unit, `… web` the page's.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from hemato_edge import about
from hemato_edge.cameras.registry import device_nodes

NAME, WEB_NAME = "hemato-edge.service", "hemato-edge-web.service"
TEMPLATE, WEB_TEMPLATE = "hemato-edge.service.in", "hemato-edge-web.service.in"
USER = "hemato-edge"
STATE_FOLDER = Path("/var/lib/hemato-edge")
"""The service's own folder; nothing else is writable."""
DATABASE = STATE_FOLDER / "hemato-edge.db"
"""Its default database."""
CONFIGURATION = Path("/etc/hemato-edge/config.toml")
MEMORY_HIGH, MEMORY_MAX = "640M", "896M"
"""More than three and five times the measured 180 MB (x86-64, drawn slide, both shipped models)."""
WEB_MEMORY_HIGH, WEB_MEMORY_MAX = "160M", "256M"
"""More than two and four times the page's measured memory; single pictures are classified in a child of the same
control group."""
SYSUSERS = f"""\
# The user that the service runs as: it may open cameras. With store.group_readable its group may read the counts.
u {USER} - "hemato-edge service" {STATE_FOLDER}
"""
_LITERAL = re.compile(r"[A-Za-z0-9_./+:@,=%-]+")


@dataclass(frozen=True, slots=True)
class Program:
    """The installed program.

    Attributes:
        command: its command line, quoted for a unit file.
        folders: must be readable.
    """

    command: str = "/usr/bin/env hemato-edge"
    folders: tuple[Path, ...] = ()


def this_program() -> Program:
    """The running program."""
    script = Path(sys.prefix) / "bin" / "hemato-edge"
    command = quoted(script) if script.exists() else f"{quoted(Path(sys.executable))} -m hemato_edge.cli.main"
    command = command.replace("$", "$$")  # a unit expands variables
    package = Path(about.__file__).parents[1]
    folders = dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix), package))
    return Program(command, tuple(f for f in folders if not any(o != f and f.is_relative_to(o) for o in folders)))


def unit(program: Program | None = None) -> str:
    """The unit's text for a program; without one, for `hemato-edge` on the service's search path."""
    text = (files("hemato_edge.service") / TEMPLATE).read_text(encoding="utf-8")
    values = {"command": (program or Program()).command, "memory_high": MEMORY_HIGH, "memory_max": MEMORY_MAX}
    values["devices"] = "\n".join(f"DeviceAllow={nodes.allowed_as} rw" for nodes in device_nodes())
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def web_unit(program: Program | None = None) -> str:
    """The text of the page's unit; see `unit`."""
    text = (files("hemato_edge.service") / WEB_TEMPLATE).read_text(encoding="utf-8")
    values = {"command": (program or Program()).command, "memory_high": WEB_MEMORY_HIGH, "memory_max": WEB_MEMORY_MAX}
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def waiting_drop_in(program: Program | None = None) -> str:
    """Drop-in that makes the counting service wait for the page: each session runs in a new process."""
    command = (program or Program()).command
    lines = ("# A session is started at the page, or by `hemato-edge door start`.", "[Service]", "ExecStart=")
    return "\n".join([*lines, f"ExecStart={command} run --no-display --wait", "Restart=always", ""])


def quoted(path: Path) -> str:
    """A path as one word of a unit file."""
    text = str(path).replace("%", "%%")
    if _LITERAL.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    sys.stdout.write(web_unit() if sys.argv[1:] == ["web"] else unit())
