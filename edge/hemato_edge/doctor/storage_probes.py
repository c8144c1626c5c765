"""Where the counts lie: room, the health of card and file system, the database."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from hemato_edge.doctor.findings import Finding, failed, passed, skipped, warned
from hemato_edge.errors import StoreError
from hemato_edge.store.file import connect
from hemato_edge.store.file.errors import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.device.machine import Machine
    from hemato_edge.doctor.subject import Subject

_MB = 1_000_000
_CHECK_S = 3.0
_LIFE_STEPS, _LIFE_OVER = 10, 11
"""JEDEC JESD84-B51, DEVICE_LIFE_TIME_EST: 1 to 10 are tenths of the life used, 11 is beyond it."""
_PRE_EOL = {2: "80 % of the spare blocks are used", 3: "90 % of the spare blocks are used: it is about to fail"}
_LOG = re.compile(
    r"mmc\d+: .*(error|timeout|timed out|failed)|I/O error, dev (mmcblk|sd|vd|nvme)|EXT4-fs (error|warning)"
    r"|Remounting filesystem read-only|mmcblk\d+: .*(error|recovery failed)",
    re.IGNORECASE,
)
_REPLACE = "Copy the database away (`hemato-edge db backup`) and put a new card in; the industrial kind lasts longest."
_VOLATILE = {"tmpfs", "ramfs", "overlay"}


def disk(subject: Subject) -> Iterator[Finding]:
    """Room on the database's disk."""
    if not subject.machine.live:
        yield skipped("disk", "the room on a captured machine is not known")
        return
    store = subject.settings.store
    folder = _existing(store.path.parent)
    free = shutil.disk_usage(folder).free // _MB
    said = f"{free:,} MB free at {folder}".replace(",", " ")
    fix = "Free some: `sudo apt clean`, `sudo journalctl --vacuum-size=50M`; `df -h` shows where it went."
    if free < store.min_free_mb:
        yield failed("disk", f"{said}; nothing is recorded under {store.min_free_mb}", fix)
    elif free < store.portraits_min_free_mb:
        yield warned("disk", f"{said}; no pictures of cells are kept under {store.portraits_min_free_mb}", fix)
    else:
        yield passed("disk", said)


def card(subject: Subject) -> Iterator[Finding]:
    """The health of the card or disk that holds the database: mount, wear, errors."""
    machine = subject.machine
    mount = _mount_of(machine, _existing(subject.settings.store.path.parent) if machine.live else Path("/"))
    if mount is None:
        yield skipped("card", "/proc/mounts does not tell")
        return
    device, place, kind, options = mount
    if "ro" in options.split(","):
        yield failed(
            "card",
            f"{place} ({device}) is read-only: Linux does that when a card fails",
            f"`sudo dmesg | grep -iE 'mmc|ext4'` says why; `sudo mount -o remount,rw {place}`. {_REPLACE}",
        )
        return
    if kind in _VOLATILE:
        yield warned(
            "card",
            f"{place} is a {kind}: what is recorded there is gone after a reboot",
            "Record on a real disk (store.path), or switch the overlay off: `sudo raspi-config`, Performance Options.",
        )
        return
    troubles = [*_wear(machine, device), *_file_system_errors(machine, device), *_logged(machine, device)]
    if troubles:
        yield warned("card", f"{place} ({device}): {'; '.join(troubles)}", _REPLACE)
    else:
        yield passed("card", f"{place} ({device}, {kind}) is writable; {_wear_told(machine, device)}")


def database(subject: Subject) -> Iterator[Finding]:
    """SQLite's quick check of the database, within a bound."""
    if not subject.machine.live:
        yield skipped("database", "not looked for on a captured machine")
        return
    path = subject.settings.store.path.absolute()
    if not path.exists():
        yield passed("database", f"none yet at {path}")
        return
    try:
        yield _quickly_checked(path)
    except StoreError as error:
        yield failed("database", error.message, error.fix)


def _quickly_checked(path: Path) -> Finding:
    connect.check_place(path)
    megabytes = path.stat().st_size / _MB
    until = time.monotonic() + _CHECK_S
    with translated(path), closing(connect.open_to_read(path)) as connection:
        connect.identify(connection, path)
        sessions = connection.execute("SELECT count(*) FROM sessions").fetchone()[0]
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        try:
            connect.quick_check(connection, path)
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            return skipped(
                "database",
                f"{megabytes:.0f} MB cannot be read in {_CHECK_S:g} s; `hemato-edge db check` takes its time",
            )
    return passed("database", f"{sessions} sessions, {megabytes:.1f} MB, quick check good")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    folder = folder.absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def _mount_of(machine: Machine, folder: Path) -> tuple[str, str, str, str] | None:
    """Device, mount point, kind and options of the file system that holds a folder."""
    best: tuple[str, str, str, str] | None = None
    for line in (machine.read("/proc/mounts") or "").splitlines():
        parts = line.split()
        if len(parts) < 4:
            continue
        device, place, kind, options = (part.replace("\\040", " ") for part in parts[:4])
        holds = folder.is_relative_to(place)
        if holds and (best is None or len(place) >= len(best[1])):  # a later mount hides an earlier one
            best = (device, place, kind, options)
    return best


def _block(device: str) -> str:
    """The name under /sys/block of a partition: mmcblk0p2 → mmcblk0, sda1 → sda."""
    name = device.rsplit("/", 1)[-1]
    match = re.fullmatch(r"((?:mmcblk|nvme\d+n)\d+)(p\d+)?|((?:sd|vd|hd)[a-z]+)\d*", name)
    return (match[1] or match[3]) if match else name


def _life(machine: Machine, device: str) -> tuple[int, int] | None:
    """Tenths of its life that an eMMC has used (the worse of its two kinds of cells), and its warning level."""
    folder = f"/sys/block/{_block(device)}/device"
    try:
        used = max(int(part, 16) for part in (machine.read(f"{folder}/life_time") or "").split())
    except ValueError:
        return None
    return used, machine.number(f"{folder}/pre_eol_info", 16) or 0


def _wear(machine: Machine, device: str) -> Iterator[str]:
    life = _life(machine, device)
    if life is None:
        return
    used, warning = life
    if used >= _LIFE_OVER:
        yield "beyond the life it was rated for"
    elif used >= _LIFE_STEPS - 1:
        yield f"{10 * (used - 1)} to {10 * used} % of its rated life used"
    if warning in _PRE_EOL:
        yield _PRE_EOL[warning]


def _wear_told(machine: Machine, device: str) -> str:
    life = _life(machine, device)
    if life is not None and life[0] > 0:
        return f"{10 * (life[0] - 1)} to {10 * life[0]} % of its rated life used"
    if machine.read(f"/sys/block/{_block(device)}/device/type") == "SD":
        return "an SD card does not tell its wear"
    return "no errors are known"


def _file_system_errors(machine: Machine, device: str) -> Iterator[str]:
    count = machine.number(f"/sys/fs/ext4/{device.rsplit('/', 1)[-1]}/errors_count")
    if count:
        yield f"{count} file system errors are recorded in it (`sudo touch /forcefsck && sudo reboot` checks it)"


def _logged(machine: Machine, device: str) -> Iterator[str]:
    """Errors of this card or disk in the kernel's log, where it may be read."""
    name = _block(device)
    host = r"|\bmmc\d+:" if name.startswith("mmcblk") else ""
    ours = re.compile(rf"\b{re.escape(name)}(p?\d+)?\b{host}")
    log = machine.run("dmesg", timeout_s=1.5) or machine.run(
        "journalctl", "-k", "-b", "-q", "--no-pager", timeout_s=1.5
    )
    found = [line for line in (log or "").splitlines() if _LOG.search(line) and ours.search(line)]
    if found:
        yield f"{len(found)} errors in the kernel's log, the last: {found[-1].strip()[:120]}"
