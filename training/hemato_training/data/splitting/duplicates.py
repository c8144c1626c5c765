"""Detection of identical and near-identical pictures, which would leak from test into training unnoticed.

The perceptual hash is the usual one (the lowest 8 × 8 frequencies of a small grey thumbnail's DCT as bits; C. Zauner,
"Implementation and benchmarking of perceptual image hash functions", 2010). It is computed here rather than with a
library because mirroring the picture only flips signs of its DCT and a quarter turn transposes it: one transform gives
all eight orientations, so that mirrored and rotated copies are found, too. Different white cells on a pale background
have similar hashes, so a hash only proposes: a pair counts if, after alignment, its fine detail correlates, too.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.cameras.picture_damage import damage_of
from hemato_edge.cameras.picture_decoding import decoded
from hemato_edge.cameras.picture_impostors import impostor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_training.progress import Reporter

THUMBNAIL = 64
"""Side of the thumbnails, pixels."""
_COARSE, _HASH = 32, 8
MAX_DISTANCE = 10
"""Maximum Hamming distance of 64-bit hashes for a pair to be examined."""
MIN_COARSE = 0.90
"""Minimum Pearson correlation of coarse thumbnails for a pair to be examined further."""
MIN_DETAIL = 0.80
"""Minimum Pearson correlation of the detail of two copies. Of the pairs proposed by the hash in BCCD, PBC, Raabin and
Moticam, those confirmed by eye as one field or cell reach 0.83 to 0.99, different cells stay below 0.8. It is low on
purpose, since joining two different cells costs nothing, and missing a copy is leakage."""
_MAX_SHIFT = 8
_ROWS = 512
_PAGED = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
"""First bytes of a TIFF, which may contain several pictures."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Identification of one picture file.

    Attributes:
        sha256: of the file, or empty where it could not be read.
        size: width and height in pixels, or None where it cannot be decoded.
        fault: why not, or empty.
        thumbnail: (64, 64) uint8, grey; zeros where there is no picture.
    """

    sha256: str
    size: tuple[int, int] | None
    fault: str
    thumbnail: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two pictures that are nearly the same.

    Attributes:
        first: index of the one.
        second: index of the other, larger.
        correlation: of their detail, in the best of the eight orientations.
    """

    first: int
    second: int
    correlation: float


def fingerprints(paths: Sequence[Path], reporter: Reporter) -> list[Fingerprint]:
    """The fingerprint of every file, in order, read by as many threads as there are processors."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(reporter.track(pool.map(fingerprint, paths), f"reading {len(paths)} pictures", len(paths)))


def fingerprint(path: Path) -> Fingerprint:
    """Hash, size and thumbnail of a picture; if it is unusable, `fault` gives the reason."""
    nothing = np.zeros((THUMBNAIL, THUMBNAIL), np.uint8)
    try:
        content = path.read_bytes()
    except OSError as error:
        return Fingerprint("", None, f"it cannot be read ({error.strerror})", nothing)
    digest = hashlib.sha256(content).hexdigest()
    if not content:
        return Fingerprint(digest, None, "it is empty", nothing)
    picture = np.frombuffer(content, np.uint8)
    try:
        grey = decoded(picture, cv2.IMREAD_GRAYSCALE)
        pages = len(cv2.imdecodemulti(picture, cv2.IMREAD_GRAYSCALE)[1]) if content.startswith(_PAGED) else 1
    except cv2.error:
        grey = None
    if grey is None:
        other = impostor(content)
        fault = "it is no picture that can be decoded" if other is None else f"it is {other[0]}: {other[1]}"
        return Fingerprint(digest, None, fault, nothing)
    if pages > 1:
        return Fingerprint(digest, None, f"it holds {pages} pictures; save each as a file of its own", nothing)
    if damage := damage_of(content):
        return Fingerprint(digest, None, damage, nothing)
    size = int(grey.shape[1]), int(grey.shape[0])
    small = cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return Fingerprint(digest, size, "", small.astype(np.uint8))


def exact_copies(prints: Sequence[Fingerprint]) -> list[list[int]]:
    """Indices of byte-identical files, in groups of two or more."""
    found: dict[str, list[int]] = defaultdict(list)
    for i, print_ in enumerate(prints):
        if print_.sha256:
            found[print_.sha256].append(i)
    return [same for same in found.values() if len(same) > 1]


def near_copies(prints: Sequence[Fingerprint], reporter: Reporter) -> list[NearPair]:
    """Every pair of near-identical pictures (re-saved, resized, brightened, rotated, mirrored), except exact copies.

    Time grows with the square of their number: some seconds for 7,000 pictures on two cores.
    """
    kept = np.array(
        [i for i, p in enumerate(prints) if p.thumbnail.std() > 1], np.intp
    )  # a uniform background matches any other
    if len(kept) < 2:
        return []
    coarse = np.stack([_coarse(prints[i].thumbnail) for i in kept])
    hashes = np.stack([_bits(spectra) for spectra in _positions(_spectra(coarse))])
    pairs = []
    starts = range(0, len(kept), _ROWS)
    for start in reporter.track(starts, f"comparing {len(kept)} pictures", len(starts)):
        for i, j in _like(hashes, start):
            first, second = int(kept[i]), int(kept[j])
            if prints[first].sha256 != prints[second].sha256 and _best_coarse(coarse[i], coarse[j]) >= MIN_COARSE:
                correlation = _best_detail(prints[first].thumbnail, prints[second].thumbnail)
                if correlation >= MIN_DETAIL:
                    pairs.append(NearPair(first, second, correlation))
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def _like(hashes: NDArray[np.float32], start: int) -> Iterator[tuple[int, int]]:
    """Pairs i < j, i among the rows from `start`, whose hashes (8, n, 64) differ in few bits in some orientation."""
    rows = hashes[0, start : start + _ROWS]
    close = np.zeros((len(rows), hashes.shape[1] - start), bool)
    for turned in hashes:
        # the scalar product of ±1 vectors is 64 - 2 × distance
        close |= rows @ turned[start:].T >= _HASH * _HASH - 2 * MAX_DISTANCE
    for i, j in zip(*np.nonzero(np.triu(close, 1)), strict=True):
        yield start + int(i), start + int(j)


def _coarse(thumbnail: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(32, 32) float32 of mean 0 and length 1."""
    small = cv2.resize(thumbnail, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).astype(np.float32)
    small -= small.mean()
    unit: NDArray[np.float32] = (small / max(float(np.linalg.norm(small)), 1e-6)).astype(np.float32)
    return unit


def _spectra(coarse: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 8, 8) float32: the lowest frequencies of each thumbnail's DCT."""
    found = np.empty((len(coarse), _HASH, _HASH), np.float32)
    for i, thumbnail in enumerate(coarse):
        found[i] = cv2.dct(thumbnail)[:_HASH, :_HASH]
    return found


def _positions(spectra: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """The spectra of the eight orientations: mirroring negates the odd frequencies, a quarter turn also transposes."""
    odd = np.where(np.arange(_HASH) % 2, -1, 1).astype(np.float32)
    still = np.ones(_HASH, np.float32)
    for transposed in (spectra, spectra.transpose(0, 2, 1)):
        for down in (still, odd):
            for across in (still, odd):
                yield transposed * down[:, None] * across[None, :]


def _bits(spectra: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 64) float32 of -1 and 1: the sign of each frequency; the mean brightness, which is 0, counts as 1."""
    flat = spectra.reshape(len(spectra), -1).copy()
    flat[:, 0] = 1
    return np.where(flat > 0, 1, -1).astype(np.float32)


def _best_coarse(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return max(float(np.vdot(one, turned)) for turned in _turned(other))


def _best_detail(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    detail = _detail(one)
    window = cv2.createHanningWindow((THUMBNAIL, THUMBNAIL), cv2.CV_32F).astype(np.float32)
    return max(_shifted_correlation(detail, turned, window) for turned in _turned(_detail(other)))


def _detail(thumbnail: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The thumbnail high-pass filtered: the detail that distinguishes two cells of one type."""
    grey = thumbnail.astype(np.float32)
    return (grey - cv2.GaussianBlur(grey, (0, 0), 3)).astype(np.float32)


def _shifted_correlation(one: NDArray[np.float32], other: NDArray[np.float32], window: NDArray[np.float32]) -> float:
    (dx, dy), _ = cv2.phaseCorrelate(one, other, window)
    if max(abs(dx), abs(dy)) > _MAX_SHIFT:
        dx = dy = 0.0
    back = np.array([[1, 0, -dx], [0, 1, -dy]], np.float32)
    moved = cv2.warpAffine(other, back, (THUMBNAIL, THUMBNAIL), borderMode=cv2.BORDER_REFLECT)
    inner = slice(_MAX_SHIFT, -_MAX_SHIFT)
    a, b = one[inner, inner] - one[inner, inner].mean(), moved[inner, inner] - moved[inner, inner].mean()
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.vdot(a, b)) / length if length > 0 else 0.0


def _turned(picture: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for mirrored in (picture, picture[:, ::-1]):
        for quarters in range(4):
            yield np.ascontiguousarray(np.rot90(mirrored, quarters))
