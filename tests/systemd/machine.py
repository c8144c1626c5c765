"""A small Debian with its own systemd, booted in a container, and hemato-edge installed in it under /opt.

Needs root, systemd-nspawn (package systemd-container) and mmdebstrap. The tree is built once, into the user's cache
folder; each boot writes to memory only.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SUITE, PYTHON, GLIBC_MINOR = "bookworm", "3.11", 36
EXTRA = "sign"
"""Of hemato-edge, installed with it: updates are signed."""
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv"
BOOT_S, COMMAND_S = 60.0, 180.0
HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hemato-edge-systemd"


def missing() -> str:
    """What this machine lacks for it; empty if nothing."""
    if os.geteuid() != 0:
        return "only root can boot a container"
    lacking = [tool for tool in ("systemd-nspawn", "mmdebstrap", "nsenter") if shutil.which(tool) is None]
    return f"needs {', '.join(lacking)}: apt install systemd-container mmdebstrap" if lacking else ""


def run(*command: object, timeout_s: float = COMMAND_S) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, timeout=timeout_s)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def build() -> Path:
    """The tree, made or brought up to date."""
    root, wheels = HOME / f"root-{SUITE}", HOME / "wheels"
    if not (root / "usr/bin/systemctl").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(root, ignore_errors=True)
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", SUITE, root, timeout_s=900)
    shutil.rmtree(wheels, ignore_errors=True)
    wheels.mkdir()
    pip = (sys.executable, "-m", "pip", "--quiet")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", wheels, REPOSITORY, timeout_s=300)
    wheel = next(wheels.glob("hemato_edge-*.whl"))
    venv, stamp = root / "opt/hemato-edge", root / "opt/dependencies"
    wanted = f"{EXTRA} {hashlib.sha256((REPOSITORY / 'pyproject.toml').read_bytes()).hexdigest()}"
    fresh = not stamp.exists() or stamp.read_text() != wanted
    if fresh:
        tags = [*(f"manylinux_2_{minor}" for minor in range(GLIBC_MINOR, 16, -1)), "manylinux2014"]
        platforms = [f"--platform={tag}_{platform.machine()}" for tag in tags]
        binary = ["--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp", *platforms]
        run(*pip, "download", "--dest", wheels, *binary, f"{wheel}[{EXTRA}]", timeout_s=600)
        shutil.rmtree(venv, ignore_errors=True)
        run("chroot", root, "python3", "-m", "venv", "/opt/hemato-edge")
    inside = root / "opt/wheels"
    shutil.rmtree(inside, ignore_errors=True)
    shutil.copytree(wheels, inside)
    extra = [] if fresh else ["--no-deps", "--force-reinstall"]
    install = ["/opt/hemato-edge/bin/pip", "--quiet", "install", "--no-index", "--find-links=/opt/wheels", *extra]
    run("chroot", root, *install, f"/opt/wheels/{wheel.name}[{EXTRA}]", timeout_s=300)
    stamp.write_text(wanted)
    return root


class Machine:
    """The booted container; a context manager."""

    def __init__(self) -> None:
        self._root = build()
        self._log = (HOME / "boot.log").open("w")
        command = ["systemd-nspawn", "--quiet", "--directory", str(self._root), "--volatile=overlay", "--register=no"]
        command += ["--keep-unit", "--console=pipe", "--boot"]
        self._container = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        self._pid = 0

    def __enter__(self) -> Machine:
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            time.sleep(0.2)
            children = Path(f"/proc/{self._container.pid}/task/{self._container.pid}/children").read_text().split()
            if children:
                self._pid = int(children[0])
                state = self.try_run("systemctl is-system-running")
                if state.stdout.strip() in ("running", "degraded"):
                    return self
        self.__exit__()
        raise AssertionError(f"systemd did not boot: {(HOME / 'boot.log').read_text()[-2000:]}")

    def __exit__(self, *_: object) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGRTMIN + 4)  # systemd(1): power off in order
        try:
            self._container.wait(20)
        except subprocess.TimeoutExpired:
            self._container.kill()
            self._container.wait()
        self._log.close()

    def try_run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script inside."""
        variables = ["PATH=/opt/hemato-edge/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "COLUMNS=200"]
        command = ["nsenter", "-t", str(self._pid), "-a", "/usr/bin/env", "-i", *variables]
        return subprocess.run(
            [*command, "/bin/bash", "-c", script], capture_output=True, text=True, check=False, timeout=COMMAND_S
        )

    def run(self, script: str) -> str:
        """The same, and it must succeed."""
        done = self.try_run(script)
        assert done.returncode == 0, f"{script}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def send(self, file: Path, target: str) -> None:
        """Copy a file of this machine to a path inside."""
        command = ["nsenter", "-t", str(self._pid), "-a", "/bin/sh", "-c", f"cat > {target}"]
        with file.open("rb") as content:
            subprocess.run(command, stdin=content, check=True, timeout=COMMAND_S)

    def show(self, name: str) -> str:
        """A property of the service."""
        return self.run(f"systemctl show hemato-edge --property={name} --value").strip()

    def journal(self, *matches: str) -> list[dict[str, str]]:
        """The service's entries in the journal, with all their fields."""
        self.run("journalctl --sync")
        words = " ".join(("_SYSTEMD_UNIT=hemato-edge.service", *matches))
        return [json.loads(line) for line in self.run(f"journalctl --output=json --all {words}").splitlines()]
