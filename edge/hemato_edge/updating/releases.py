"""The installed releases of an environment, and the one file that says which of them is used.

What pip installed stays as it is. A release is a folder beside it; the line in `hemato-edge.pth`, which Python reads at
its start, puts it before the rest. Writing that file anew is one step (a rename), so at any moment either the old or
the new program is whole and used. The line holds only as long as the version that pip installed is there: whoever uses
pip afterwards gets what pip installed.
"""

from __future__ import annotations

import json
import re
import shutil
import sysconfig
from dataclasses import dataclass, replace
from importlib.metadata import DistributionFinder, MetadataPathFinder
from pathlib import Path

from hemato_edge.errors import UpdateError
from hemato_edge.output_files import write_aside

FOLDER = "hemato-edge-releases"
LINE = "hemato-edge.pth"
_STATE = "state.json"
_NAMED = re.compile(r"sys\.path\.insert\(0, (.+)\)$", re.MULTILINE)
BASE = ""
"""The release that pip installed."""


@dataclass(frozen=True, slots=True)
class State:
    """Which releases there are.

    Attributes:
        current: the one that is used, or `BASE`.
        previous: the one before it, to which `rollback` goes; None: there is none.
        trusted: whether the current one has passed its first start; an update that was cut off has not.
    """

    current: str = BASE
    previous: str | None = None
    trusted: bool = True


class Releases:
    """The releases of one Python environment.

    Args:
        site_packages: where pip has installed this program; None: of the running Python.

    Raises:
        UpdateError: pip has not installed it there.
    """

    def __init__(self, site_packages: Path | None = None) -> None:
        self.site_packages = Path(sysconfig.get_path("purelib")) if site_packages is None else site_packages
        self.folder = self.site_packages / FOLDER
        # Python's own finder: `distributions` also asks those that other libraries install, which give types of theirs
        here = DistributionFinder.Context(name="hemato-edge", path=[str(self.site_packages)])
        found = [one for one in MetadataPathFinder.find_distributions(here) if one.metadata["Name"] == "hemato-edge"]
        if not found:
            raise UpdateError(
                f"pip has not installed hemato-edge in {self.site_packages}.",
                "Updates are for an environment of its own: `python3 -m venv`, then `pip install hemato-edge`.",
            )
        self._installed = self.site_packages / f"hemato_edge-{found[0].version}.dist-info"
        self.base_version = found[0].version

    def place(self, release: str) -> Path:
        """The folder that a release's packages are in."""
        return self.folder / release / "packages"

    @property
    def current(self) -> str:
        """The release that Python uses, by the file that it reads."""
        line = self.site_packages / LINE
        named = _NAMED.search(line.read_text(encoding="utf-8")) if line.exists() else None
        if named is None or not self._installed.exists():
            return BASE
        return Path(json.loads(named[1])).parent.name

    def state(self) -> State:
        """What is known of the releases; what Python uses counts, whatever was written about it."""
        try:
            said = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
            known = State(str(said["current"]), said["previous"], bool(said["trusted"]))
        except (OSError, ValueError, LookupError, TypeError):
            known = State()
        current = self.current
        if known.current != current:  # cut off between the two files
            known = replace(known, previous=known.current, current=current, trusted=current == BASE)
        return known

    def version_of(self, release: str) -> str:
        """Its version."""
        return self.base_version if release == BASE else release.rpartition("-")[0]

    def use(self, release: str, *, previous: str | None, trusted: bool) -> None:
        """Let Python use another release from its next start on: in one step.

        Raises:
            UpdateError: there is no such release.
            OutputError: the environment cannot be written.
        """
        if release != BASE and not self.place(release).is_dir():
            raise UpdateError(
                f"There is no release {release}.", "`hemato-edge update status` names those that are there."
            )
        line = self.site_packages / LINE
        if release == BASE:
            line.unlink(missing_ok=True)
        else:
            place, installed = json.dumps(str(self.place(release))), json.dumps(str(self._installed))
            text = f"import os, sys; os.path.exists({installed}) and sys.path.insert(0, {place})\n"
            write_aside(line, text.encode(), ours=True)
        self.note(State(release, previous, trusted))

    def note(self, state: State) -> None:
        """Write down what is known of the releases."""
        said = {"current": state.current, "previous": state.previous, "trusted": state.trusted}
        self.folder.mkdir(exist_ok=True)
        write_aside(self.folder / _STATE, json.dumps(said).encode(), ours=True)

    def tidy(self) -> None:
        """Remove what is neither used nor gone back to: older releases, and what a cut-off update has left."""
        kept = {self.state().current, self.state().previous}
        for place in self.folder.iterdir() if self.folder.is_dir() else ():
            if place.is_dir() and place.name not in kept:
                shutil.rmtree(place, ignore_errors=True)
