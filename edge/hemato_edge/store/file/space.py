"""How much room the database's disk has left."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hemato_edge.errors import StoreError
from hemato_edge.store.file.errors import translated

if TYPE_CHECKING:
    from pathlib import Path

_MEGABYTE = 1_000_000


def check_space(path: Path, min_free_mb: int) -> None:
    """Refuses to start on a disk with less than `min_free_mb` megabytes (10^6 bytes) free.

    Raises:
        StoreError: it has less, or cannot be asked.
    """
    with translated(path):
        free_mb = shutil.disk_usage(path.parent).free // _MEGABYTE
    if free_mb < min_free_mb:
        raise StoreError(
            f"The disk of the database {path} has {free_mb} MB free; {min_free_mb} MB are wanted (store.min_free_mb).",
            "Free some space (`df -h`), or name a file on another disk with --db.",
        )


def check_reserve(path: Path, reserve_mb: int) -> None:
    """Refuses a field when the disk has come down to its reserve, in which a session can still be ended in order.

    Raises:
        StoreError: it has less free than `reserve_mb` megabytes (10^6 bytes).
    """
    if reserve_mb and not has_room(path, reserve_mb):
        raise StoreError(
            f"The disk of the database {path} has less than {reserve_mb} MB free (store.reserve_mb):"
            " counting has stopped, and what was counted is kept.",
            "Free some space (`df -h`; `hemato-edge review prune` removes pictures of cells), then start again.",
        )


def has_room(path: Path, min_free_mb: int) -> bool:
    """Whether the disk has that much free; False where it cannot be asked, since only extras ask."""
    try:
        return not min_free_mb or shutil.disk_usage(path.parent).free >= min_free_mb * _MEGABYTE
    except OSError:
        return False
