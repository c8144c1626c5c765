"""A release made from an update, beside the one that is used, and tried before anything points to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.errors import UpdateError
from hemato_edge.service.unit import CONFIGURATION
from hemato_edge.updating.package import unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hemato_edge.updating.package import Update
    from hemato_edge.updating.releases import Releases

SPACE_FACTOR = 4
"""Free bytes wanted for each byte of an update: its files, the unpacked wheels, their compiled half, and a margin."""
_LEAST_SPACE = 50_000_000
_TIMEOUT_S = 600.0
_SHIPPED = Path("hemato_edge") / "models" / "shipped"
_SUMS = "SHA256SUMS"
_AS_A_PROGRAM = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]); name = sys.argv[2]; sys.argv = [name, *sys.argv[3:]]; "
    "runpy.run_module(name, run_name='__main__', alter_sys=True)"
)
"""Runs a module with a folder before all others, also before the release that is used."""
_FRAMES = 12


def check_space(update: Update, folder: Path) -> None:
    """Refuse an update that would not fit.

    Raises:
        UpdateError: too little is free.
    """
    wanted = _LEAST_SPACE + SPACE_FACTOR * sum(part.size for part in update.parts)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise UpdateError(
            f"{free // 1_000_000} MB are free in {folder}; the update needs {wanted // 1_000_000} MB.",
            "Free some space.",
        )


def stage(update: Update, releases: Releases, tell: Callable[[str], None]) -> None:
    """Make the release of an update. When this returns, it is whole, on disk, and has run; nothing uses it yet.

    Raises:
        UpdateError: the file is damaged, a wheel does not fit this Python, something that it needs is missing, a model
            fails its golden check, or its first run fails.
    """
    part = releases.folder / f".{update.release}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        files, packages = part / "files", part / "packages"
        files.mkdir(parents=True)
        tell("unpack")
        unpack(update, files)
        tell("install beside the one in use")
        wheels = [str(files / wheel.name.rpartition("/")[2]) for wheel in update.wheels]
        _pip("install", "--no-index", "--no-deps", "--target", str(packages), *wheels)
        _place_models(update, files, packages)
        shutil.rmtree(files)
        check_needs(packages)
        _try(update, packages, tell)
        os.sync()
        part.rename(releases.folder / update.release)
    except OSError as error:
        raise UpdateError(
            f"The update cannot be written ({error.strerror}); the program in use is untouched.",
            "Free some space, or type `sudo $(command -v hemato-edge) update …` where the environment is root's.",
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_needs(packages: Path) -> None:
    """Refuse a release whose needs this environment does not meet: pip was told not to look when it installed it.

    Raises:
        UpdateError: something is missing, or is of another version; each is named.
    """
    done = _run([sys.executable, "-c", _AS_A_PROGRAM, str(packages), "pip", "check"], {})
    wrong = [line for line in done.stdout.splitlines() if line.startswith("hemato-edge ")]
    if wrong:
        raise UpdateError(
            f"This environment has not what the new version needs: {'; '.join(wrong)}",
            "Have its maker put the missing wheels into the update, `hemato-edge update make --wheel …`.",
        )


def _place_models(update: Update, files: Path, packages: Path) -> None:
    """Put the models of the update in the place of those in the wheel; the list of their hashes follows."""
    sums = packages / _SHIPPED / _SUMS
    for model in update.models:
        name = model.name.rpartition("/")[2]
        shutil.copyfile(files / name, packages / _SHIPPED / name)
        lines = [line for line in sums.read_text(encoding="ascii").splitlines() if not line.endswith(f"  {name}")]
        sums.write_text("\n".join([*lines, f"{model.sha256}  {name}", ""]), encoding="ascii")


def _try(update: Update, packages: Path, tell: Callable[[str], None]) -> None:
    """Run the new program with nothing of this machine's records: version, golden check, settings, a first count."""
    with tempfile.TemporaryDirectory(prefix="hemato-edge-update-") as scratch:
        bare = {"HOME": scratch, "XDG_CONFIG_HOME": scratch, "XDG_STATE_HOME": scratch, "XDG_DATA_HOME": scratch}
        tell("try: version")
        said = _new_program(packages, bare, "--version").stdout.strip()
        if said != f"hemato-edge {update.version}":
            raise UpdateError(f"The program in the update is {said!r} and not {update.version}.", "Have it made again.")
        tell("try: golden check")
        _new_program(packages, bare, "model", "verify")
        tell("try: settings")
        _new_program(packages, {}, "config", "show")
        if CONFIGURATION.exists():
            _new_program(packages, {}, "config", "show", "--config", str(CONFIGURATION))
        tell("try: first run")
        database = str(Path(scratch) / "first.db")
        count = ("run", "--camera", "demo", "--db", database, "--max-frames", str(_FRAMES), "--no-display")
        _new_program(packages, bare, *count)
        _new_program(packages, bare, "report", "--db", database)


def _new_program(packages: Path, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _AS_A_PROGRAM, str(packages), "hemato_edge.cli.main", *arguments]
    done = _run(command, variables)
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise UpdateError(
            f"The new version fails at `{' '.join(arguments[:2])}`: {said[:500]}",
            "The one in use stays. Tell its maker, or mend what it names.",
        )
    return done


def _pip(*arguments: str) -> None:
    done = _run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], {})
    if done.returncode != 0:
        if "No module named pip" in done.stderr:
            raise UpdateError("This environment has no pip.", "Type `python -m ensurepip` in it.")
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise UpdateError(
            f"pip cannot install the update: {(errors or done.stderr.splitlines() or ['no word'])[0][:300]}",
            "Is it for this Python and processor?",
        )


def _run(command: Sequence[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if variables:
        kept = {name: value for name, value in kept.items() if not name.startswith("HEMATO_EDGE_")}
    try:
        return subprocess.run(  # noqa: S603 - our own Python
            command, env=kept | variables, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, cwd="/"
        )
    except subprocess.TimeoutExpired as error:
        raise UpdateError(
            f"The new version hangs: no end after {_TIMEOUT_S:.0f} s.", "The one in use stays."
        ) from error
