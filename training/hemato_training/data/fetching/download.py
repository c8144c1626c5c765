"""`data download`: a public data set from its home, checked and unpacked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import DataError
from hemato_training.data.fetching.archive import unpack
from hemato_training.data.fetching.transfer import fetch, sha256_of
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_training.data.fetching.catalogue import PublicSet
    from hemato_training.progress import Reporter

LOCK = "downloads.lock.json"
PUBLISHED, RECORDED, FIRST = "published", "recorded", "first"
"""What an archive's hash was held against: the one in `public_sets`, the one of an earlier download, or nothing."""


@dataclass(frozen=True, slots=True)
class Download:
    """What came of it.

    Attributes:
        folder: the data set.
        files: how many were unpacked.
        sha256: of the archive.
        verified: `PUBLISHED`, `RECORDED` or `FIRST`.
    """

    folder: Path
    files: int
    sha256: str
    verified: str


def download(
    wanted: PublicSet,
    to: Path,
    *,
    archive: Path | None = None,
    keep: bool = False,
    reporter: Reporter | None = None,
) -> Download:
    """Fetch a data set, check its hash and unpack it to `to / name`.

    The hash of a first download is recorded in `downloads.lock.json` in `to`; a later one must be the same.

    Args:
        wanted: which.
        to: the directory with one folder per data set.
        archive: the file, where a person fetched it; it is not removed.
        keep: whether the archive stays.
        reporter: receives progress.

    Raises:
        DataError: if the folder is there already, or the file cannot be had, has another hash, or cannot be unpacked.
    """
    reporter = reporter or Silent()
    folder = to / wanted.name
    if folder.exists():
        raise DataError(f"{folder} is there already.", "Move it away to download it anew, or change --to.")
    if archive is None and not wanted.url:
        raise DataError(
            f"{wanted.name} cannot be fetched by a program. {wanted.note}",
            f"Get it from {wanted.home}, then `hemato-edge data download {wanted.name} --from FILE`.",
        )
    to.mkdir(parents=True, exist_ok=True)
    path = archive or to / wanted.archive
    if archive is None and not path.is_file():
        fetch(wanted.url, path, reporter, wanted.megabytes * 1_000_000)
    if not path.is_file():
        raise DataError(f"There is no file {path}.", "Check --from.")
    digest = sha256_of(path)
    verified = _verify(wanted, to, path, digest, own=archive is not None)
    files = unpack(path, folder, wanted.inner, reporter)
    _record(wanted, to, path, digest)
    if archive is None and not keep:
        path.unlink()
    return Download(folder, files, digest, verified)


def _verify(wanted: PublicSet, to: Path, path: Path, digest: str, own: bool) -> str:
    recorded = str(_read_lock(to).get(wanted.name, {}).get("sha256", ""))
    expected = wanted.sha256 or recorded
    if expected and digest != expected:
        source = "published" if wanted.sha256 else f"recorded in {to / LOCK}"
        fix = "Fetch the file again."
        if not own:
            path.unlink()
            fix = "It was removed. Download it again; if that ends alike, its home has changed the file: look there."
        if recorded and not wanted.sha256:
            fix += f" If the change is right, remove its entry from {LOCK}."
        raise DataError(f"{path.name} has the SHA-256 {digest}, not {expected} as {source}.", fix)
    return PUBLISHED if wanted.sha256 else RECORDED if recorded else FIRST


def _read_lock(to: Path) -> dict[str, Any]:
    lock = to / LOCK
    if not lock.is_file():
        return {}
    try:
        kept = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{lock} cannot be read.", "Remove it if you trust the next download.") from error
    return kept if isinstance(kept, dict) else {}


def _record(wanted: PublicSet, to: Path, path: Path, digest: str) -> None:
    """Note what came from where: the hash for the next time, licence and names for whoever publishes a model."""
    entry = {
        "url": wanted.url,
        "home": wanted.home,
        "licence": wanted.licence,
        "attribution": wanted.attribution,
        "sha256": digest,
        "bytes": path.stat().st_size,
        "downloaded": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    text = json.dumps({**_read_lock(to), wanted.name: entry}, indent=1, ensure_ascii=False) + "\n"
    temporary = to / f".{LOCK}.partial"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(to / LOCK)
