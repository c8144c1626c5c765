"""One program in the comparison with peers, and its measurements."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess


@dataclass
class Contestant:
    """One process: its name, threads, and measurements."""

    name: str
    threads: int
    process: subprocess.Popen[str]
    rounds: list[list[float]] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    found: int = 0
    last: dict[str, Any] = field(default_factory=dict)

    def answer(self) -> dict[str, Any]:
        """The next line of the process; ends the program if there is none."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} with {self.threads} threads ended early; see its lines above")
        return json.loads(line)

    def work(self, numbers: list[int], *, timed: bool) -> None:
        """Let it process fields, the first of them untimed."""
        assert self.process.stdin is not None
        times = []
        for i, number in enumerate(numbers):
            self.process.stdin.write(f"{number}\n")
            self.process.stdin.flush()
            answer = self.answer()
            if timed and i:
                times.append(answer["ms"])
                self.cpu_ms.append(answer["cpu_ms"])
                self.found += answer["found"]
        if timed:
            self.rounds.append(times)

    def end(self) -> None:
        """Close its input and record its memory and versions."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.last = self.answer()
        self.process.wait()
