"""A machine to read from: this one, or a file tree captured from another."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST_FILE = 1 << 20
_THIS = Path("/")


@dataclass(frozen=True, slots=True)
class Machine:
    """The source of all probes.

    Attributes:
        root: "/" for this machine; else the folder of a captured tree with sys/, proc/ and etc/.
        answers: captured output of commands, by command line ("vcgencmd get_throttled"). Commands are only run on
            this machine.
    """

    root: Path = _THIS
    answers: Mapping[str, str] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it is the machine running this program."""
        return self.root == _THIS

    def place(self, path: str) -> Path:
        """Where the machine's absolute `path` is found."""
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str | None:
        """The text of a file, stripped; None if it is missing or cannot be read now.

        Opened without blocking: a Jetson's powered-off sensors return "try again" for ever, and readers that wait for
        them hang (github.com/prometheus/node_exporter/issues/3071).
        """
        try:
            fd = os.open(self.place(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            parts, size = [], 0
            while size < _LARGEST_FILE and (part := os.read(fd, 1 << 16)):
                parts.append(part)
                size += len(part)
        except OSError:
            return None
        finally:
            os.close(fd)
        return b"".join(parts).decode(errors="replace").strip("\x00 \t\r\n")

    def number(self, path: str, base: int = 10) -> int | None:
        """A file's content as an integer; None if it is missing or no number."""
        try:
            return int(self.read(path) or "", base)
        except ValueError:
            return None

    def glob(self, pattern: str) -> list[str]:
        """The machine's paths that match, sorted by name, numbers by value."""
        found = ("/" + str(path.relative_to(self.root)) for path in self.root.glob(pattern.lstrip("/")))
        return sorted(found, key=lambda path: (len(path), path))

    def exists(self, path: str) -> bool:
        """Whether `path` exists."""
        try:
            return os.path.lexists(self.place(path))
        except ValueError:
            return False

    def run(self, *command: str, timeout_s: float = 2.0) -> str | None:
        """Output of a command, stripped; None if it is missing, fails or times out."""
        if not self.live:
            return self.answers.get(" ".join(command))
        try:
            done = subprocess.run(  # noqa: S603 -- only fixed commands are run
                command,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=True,
                env={**os.environ, "LC_ALL": "C"},
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()
