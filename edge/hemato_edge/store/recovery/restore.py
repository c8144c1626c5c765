"""`db restore`: a copy of the database takes its place; the one that was there is kept beside it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store import heads
from hemato_edge.store.file import connect
from hemato_edge.store.file.backup import copy_database
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.lock import WriterLock
from hemato_edge.store.recovery.repair import finish_repair
from hemato_edge.store.recovery.replacement import name_aside, take_place

if TYPE_CHECKING:
    from pathlib import Path


def restore(copy: Path, path: Path) -> Path | None:
    """Puts what a copy holds at `path`. The copy is verified first, and left as it is.

    A log that lies beside the old database would be taken for one of the new, and damage it, if the file were just
    copied over: so it goes aside with it. That the chains start anew from the copy is noted with their heads.

    Args:
        copy: a database, such as `db backup` makes; also of an older version.
        path: absolute; there may be none.

    Returns:
        Where the database that was there is kept; None if there was none.

    Raises:
        StoreError: the copy is not there, damaged, another program's or from a newer version; the database is in use;
            or the disk is full. What was there is as it was then.
    """
    if not copy.is_file():
        raise StoreError(f"There is no file {copy}.", "Name a copy that `hemato-edge db backup` made.")
    if path.exists() and copy.samefile(path):
        raise StoreError(f"{copy} is the database itself.", "Name a copy of it.")
    connect.check_place(path)
    lock = WriterLock(path)
    try:
        finish_cut_off(path)
        scratch = path.with_name(path.name + ".restoring")
        try:
            with translated(copy), closing(connect.open_to_read(copy)) as connection:
                connect.identify(connection, copy)
                copy_database(connection, scratch)
            with translated(path):
                scratch.rename(_decided(path))
                connect.sync_folder(path.parent)
        finally:
            scratch.unlink(missing_ok=True)
        return _finish(path)
    finally:
        lock.release()


def finish_cut_off(path: Path) -> None:
    """Finish a repair or restoration that was cut off after its decision; the caller holds the writer's lock.

    Raises:
        StoreError: it cannot be written.
    """
    finish_repair(path)
    _finish(path)


def _finish(path: Path) -> Path | None:
    """Finish a restoration that was decided; returns where the database that was there is kept, if there was one."""
    decided = _decided(path)
    if not decided.exists():
        return None
    kept = name_aside(path, ".replaced")
    heads.note_restoration(path, kept)  # before, so that it is never missing; noted twice, it says the same
    take_place(decided, path, kept)
    return kept if kept.exists() else None


def _decided(path: Path) -> Path:
    return path.with_name(path.name + ".restored")
