"""How many pictures may go because of their age: a tenth of them a day, by a clock that nobody sets.

The age of a picture is the wall clock's, and a Pi's may jump by years: one start with a clock that is two years ahead
would remove all pictures that are kept for one. So what age removes is bounded by time that the device was really on:
`CLOCK_BOOTTIME`, known by the boot that it belongs to. What is left over is noted in the state folder, so that many
short runs may remove as much as a long one, and many starts no more.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hemato_edge.errors import HematoEdgeError
from hemato_edge.output_files import write_aside
from hemato_edge.store.heads import state_folder
from hemato_edge.store.write.statements import boot_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger(__name__)
A_DAY_S = 86_400.0
SHARE_A_DAY = 0.1


class Allowance:
    """What age may remove of one database's pictures.

    Args:
        database: resolved path.
        clock: seconds since the boot, suspension included.
    """

    def __init__(self, database: Path, clock: Callable[[], float] | None = None) -> None:
        self._database = str(database)
        self._clock = clock or since_boot_s
        self._boot = boot_id()
        known = self._noted().get(self._database)
        self._left, self._at = 0.0, self._clock()
        if known is not None:
            self._left = known.share
        if known is not None and known.boot == self._boot:
            self._at = min(self._at, known.at_s)
        else:
            self._note()  # the next start of this boot goes on from here

    def pictures(self, kept: int) -> int:
        """How many of so many pictures may go now because of their age."""
        now = self._clock()
        self._left = min(SHARE_A_DAY, self._left + SHARE_A_DAY * max(0.0, now - self._at) / A_DAY_S)
        self._at = now
        return int(self._left * kept)

    def spend(self, pictures: int, kept: int) -> None:
        """So many of so many pictures went because of their age; noted, as far as the state folder can be written."""
        self._left = max(0.0, self._left - pictures / max(1, kept))
        self._note()

    def _note(self) -> None:
        noted = self._noted() | {self._database: _Note(self._boot, self._at, self._left)}
        try:
            path = _path()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_aside(
                path, json.dumps({name: asdict(note) for name, note in noted.items()}, indent=1).encode(), ours=True
            )
        except (OSError, HematoEdgeError) as error:  # the next start begins with nothing: too few go
            _log.debug("the allowance of %s cannot be noted: %s", self._database, error)

    def _noted(self) -> dict[str, _Note]:
        try:
            found = json.loads(_path().read_text(encoding="utf-8"))
            return {str(name): _Note(**said) for name, said in found.items() if _is_a_note(said)}
        except (OSError, ValueError, HematoEdgeError, AttributeError, TypeError):
            return {}


@dataclass(frozen=True, slots=True)
class _Note:
    """What was left of a database's allowance: the share of its pictures, and when, of which boot."""

    boot: str
    at_s: float
    share: float


def since_boot_s() -> float:
    """Seconds since the boot, suspension included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _path() -> Path:
    return state_folder() / "retention.json"


def _is_a_note(said: dict[str, object]) -> bool:
    share, at_s = said.get("share"), said.get("at_s")
    numbers = isinstance(share, (int, float)) and isinstance(at_s, (int, float))
    return numbers and 0 <= float(str(share)) <= SHARE_A_DAY and said.keys() == {"boot", "at_s", "share"}
