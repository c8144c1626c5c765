"""A user without a home folder: one line and what to do, where the folder is needed; nothing where it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import DEADLINE_S

from hemato_edge.errors import ConfigurationError
from hemato_edge.home import from_home, home_folder

NOBODY = 54_321
"""A user that is in no password file, as that of a container may be."""


def as_nobody(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`code` in a Python of a user without a home folder, and with nothing but `environment`."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("another user can be taken only by root, with setpriv")
    done = _as_nobody("import hemato_edge", {})
    if done.returncode:
        pytest.skip(f"another user cannot load the package here: {done.stderr.strip().splitlines()[-1]}")
    return _as_nobody(code, environment)


def _as_nobody(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    python_path = os.pathsep.join(part for part in sys.path if part)
    return subprocess.run(
        ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": python_path, **environment},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def command(*words: str) -> str:
    return f"import sys; sys.argv = {['hemato-edge', *words]!r}\nfrom hemato_edge.cli.entry import main; main()"


def test_without_a_home_folder_a_command_says_what_to_set() -> None:
    done = as_nobody(command("config", "show"))
    assert done.returncode == ConfigurationError.exit_code
    assert "Set HOME to a folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert as_nobody(command("config", "show"), HOME="/").returncode == 0


def test_a_home_folder_of_somebody_else_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = as_nobody(command("config", "show"), HOME=str(tmp_path))
    assert done.returncode == ConfigurationError.exit_code
    assert "cannot be looked for: Permission denied" in done.stderr


def test_a_path_of_no_home_stays_as_it_was_given() -> None:
    assert from_home("~nobody-of-that-name/field.png") == Path("~nobody-of-that-name/field.png")
    assert from_home("~/field.png") == home_folder() / "field.png"


def test_a_database_is_written_without_a_home_folder() -> None:
    """Whoever names its path needs none; the heads are then noted nowhere, which is said."""
    done = as_nobody(
        "import tempfile; from pathlib import Path\n"
        "from hemato_edge.store.writer import open_writer\n"
        "from hemato_edge.store.heads import Head, note, noted\n"
        "with tempfile.TemporaryDirectory(dir='/tmp') as folder:\n"
        "    open_writer(Path(folder) / 'x.db').close()\n"
        "note(Head('x.db', 1, 0, 'ab')); print(noted(Path('x.db')))"
    )
    assert done.stdout == "[]\n", done.stderr
    assert "cannot be noted: There is no home folder" in done.stderr
