"""What the doctor found last; a process of its own examines, since it loads what the page never loads."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from hemato_edge.web.security.access import Refused

LONGEST_S = 60.0


@dataclass(slots=True)
class DoctorRuns:
    """The last examination, by a process of its own: it loads what the page never loads. One at a time."""

    findings: list[dict[str, Any]] = field(default_factory=list)
    when: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def examine(self) -> None:
        """Ask `hemato-edge doctor` anew.

        Raises:
            Refused: an examination runs already, or gave no answer.
        """
        if not self._lock.acquire(blocking=False):
            raise Refused(409, "An examination runs already.", "Wait for a moment.")
        try:
            command = [sys.executable, "-m", "hemato_edge.cli.main", "doctor", "--json"]
            done = subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=False)  # noqa: S603 - our own
            self.findings = json.loads(done.stdout)["findings"]
            self.when = datetime.now(timezone.utc)
        except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
            raise Refused(503, "The doctor gave no answer.", "Type `hemato-edge doctor` on the device.") from error
        finally:
            self._lock.release()
