"""`db repair`: what can be read of a damaged database goes into a new one; the damaged file is kept.

The new database is built aside and verified, and then takes the damaged one's place; see `replacement`.
"""

from __future__ import annotations

import json
import os
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hemato_edge.errors import FailingDiskError, StoreError
from hemato_edge.store.file import connect
from hemato_edge.store.file.errors import translated
from hemato_edge.store.file.layout import lacking
from hemato_edge.store.file.lock import WriterLock
from hemato_edge.store.file.privacy import make_private
from hemato_edge.store.recovery.check import check
from hemato_edge.store.recovery.replacement import name_aside, take_place
from hemato_edge.store.recovery.salvage import Salvaged, salvage
from hemato_edge.store.recovery.sqlite_pages import MAGIC, open_pages

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.store.seal import SealKey

_LISTED = 1000
"""Sentences about what is lost that the database keeps of its repair."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did.

    Attributes:
        path: of the new database.
        damaged: where the damaged file is now, with its write-ahead log beside it.
        salvaged: what was saved and what was lost.
    """

    path: Path
    damaged: Path
    salvaged: Salvaged


def repair(path: Path, key: SealKey | None = None) -> Repair | None:
    """Saves every readable row of a damaged database into a new one that takes its place.

    The damaged file stays beside it, as `NAME.damaged`; nothing is removed. A file that is sound is left as it is, also
    where its rows were edited past the program: `db check` names these, and a repair would only hide them.

    Args:
        path: absolute.
        key: seals the sessions of which something was lost anew; None: they are then without seals.

    Returns:
        What was done; None where there is nothing to mend.

    Raises:
        StoreError: in use, another program's file, from a newer version, no row of ours is in it, rows were edited, or
            the disk is full or fails: what it cannot read now may be read elsewhere. The file is as it was then.
    """
    with translated(path):
        if not path.is_file() or not path.stat().st_size:
            raise StoreError(f"There is no database {path}, or it is empty.", "Name the file with --db.")
    lock = WriterLock(path)
    try:
        finished = finish_repair(path)
        if finished is not None:
            return finished
        if _is_sound(path):
            return None
        scratch = path.with_name(path.name + ".repairing")
        with suppress(FileNotFoundError):
            scratch.unlink()
        try:
            return _replace(path, scratch, key)
        finally:
            scratch.unlink(missing_ok=True)
    finally:
        lock.release()


def _is_sound(path: Path) -> bool:
    with translated(path), path.open("rb") as stream:
        header = stream.read(100)
    if header[:16] == MAGIC and (int.from_bytes(header[68:72], "big") not in (connect.APPLICATION_ID, 0)):
        raise StoreError(f"The file {path} belongs to another program. It was left untouched.", "Check --db.")
    if header[:16] == MAGIC and int.from_bytes(header[60:64], "big") > connect.SCHEMA_VERSION:
        raise StoreError(f"The database {path} is from a newer version.", "Upgrade hemato-edge, then repair it.")
    try:
        result = check(path)
    except FailingDiskError:
        raise
    except StoreError:
        return False
    if result.good:
        return True
    if _schema_is_whole(path) and result.steps[0].good and result.steps[-1].name != "readable to the end":
        raise StoreError(
            f"The file {path} is sound, but rows in it were changed past the program: `hemato-edge db check` names"
            " them. It was left untouched.",
            "Type `hemato-edge db restore COPY`, or keep it as it is.",
        )
    return False


def _schema_is_whole(path: Path) -> bool:
    try:
        with translated(path), closing(connect.open_to_read(path)) as connection:
            return not any(lacking(connection))
    except FailingDiskError:
        raise
    except StoreError:
        return False


def _replace(path: Path, scratch: Path, key: SealKey | None) -> Repair:
    aside = name_aside(path, ".damaged")
    with translated(path):
        connect.build(scratch)
        with open_pages(path) as pages, closing(connect.connect(scratch, "rw", key=key)) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("BEGIN")
            salvaged = salvage(pages, connection)
            if not salvaged.saved["sessions"] and not salvaged.saved["fields"] and not salvaged.saved["cells"]:
                raise StoreError(f"No record of ours can be read in {path}. It was left untouched.", "Check --db.")
            connection.execute(
                "INSERT INTO repairs (utc, damaged, report) VALUES (?, ?, ?)",
                (datetime.now(timezone.utc).isoformat(timespec="milliseconds"), aside.name, _report(salvaged)),
            )
            connection.execute("COMMIT")
            connect.quick_check(connection, scratch)
        with scratch.open("rb") as stream:
            os.fsync(stream.fileno())
        make_private(scratch)
        scratch.rename(decided_path(path))
        connect.sync_folder(path.parent)
    take_place(decided_path(path), path, aside)
    return Repair(path, aside, salvaged)


def decided_path(path: Path) -> Path:
    """Where the new database lies from the moment on from which a repair is finished and never undone."""
    return path.with_name(path.name + ".repaired")


def finish_repair(path: Path) -> Repair | None:
    """Finish a repair that was cut off after its decision; the caller holds the writer's lock.

    Returns:
        What that repair did; None where none was cut off.

    Raises:
        StoreError: it cannot be written.
    """
    decided = decided_path(path)
    if not decided.exists():
        return None
    with translated(path), closing(connect.connect(decided, "ro", immutable=True)) as connection:
        name, text = connection.execute("SELECT damaged, report FROM repairs ORDER BY id DESC LIMIT 1").fetchone()
    aside = path.with_name(name)
    take_place(decided_path(path), path, aside)
    return Repair(path, aside, Salvaged(**json.loads(text)))


def _report(salvaged: Salvaged) -> str:
    report = asdict(salvaged)
    return json.dumps(report | {"lost": report["lost"][:_LISTED]})
