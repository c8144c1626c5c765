"""An augmented set: are the copies of one original found, and what does a split by file hide?

The Kaggle blood-cells set has rotated, zoomed and mirrored copies of BCCD's fields. This makes a stand-in of it from
those fields, for use without the set itself: as many copies of each original, under the same names and in the same
folders, as a table says (`image`, `original`). Their turns, zooms, shifts and mirrors are drawn by chance here, so the
pictures are not the published ones.

Prints how many of the true pairs of sisters are found among the copies and further, unrelated pictures, how many pairs
are found that are none, and the processor time. Originals that the data set's index counts to one field, which overlap,
count as one. Then OUT/by_original is split as `data split --force` does, and OUT/by_file has the same splits dealt by
file; a recipe shows what that hides: `hemato-edge train compare --data OUT/by_file --arch features+svm`.

    python benchmarks/augmented_set.py --data ../shared/data --out DIR [--unrelated 1000]
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
import time
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from hemato_training.data.formats.index_csv import INDEX
from hemato_training.data.splitting.sisters import sister_pairs, working_copy
from hemato_training.data.splitting.split import split_folder
from hemato_training.progress import Silent

SIZE = (320, 240)
ZOOM, SHIFT, QUALITY = (0.8, 1.25), 0.1, 90
UNRELATED = ("raabin_fields", "chula", "iml", "taleqani/fields", "uganda_phone", "pbc")
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def copy_of(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """A turned, zoomed, shifted and perhaps mirrored copy; what it lacks at the border is the border's colour."""
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), chance.uniform(-180, 180), chance.uniform(*ZOOM))
    turn[:, 2] += chance.uniform(-SHIFT, SHIFT, 2) * (width, height)
    made = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    for axis in (0, 1):
        made = cv2.flip(made, axis) if chance.random() < 0.5 else made
    return np.asarray(cv2.resize(made, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def make(originals: Path, copies: list[dict[str, str]], out: Path) -> list[Path]:
    """Write the copies; returns their files."""
    chance, made = np.random.default_rng(20261130), []
    for row in copies:
        image = cv2.imread(str(originals / row["original"]))
        if image is None:
            raise SystemExit(f"the original {row['original']} cannot be read")
        path = out / row["image"]
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), copy_of(image, chance), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        made.append(path)
    return made


def unrelated(data: Path, number: int) -> list[Path]:
    """So many pictures of other laboratories, the last folder's by chance."""
    found: list[Path] = []
    for folder in UNRELATED:
        pictures = sorted(path for path in (data / folder).rglob("*") if path.suffix.lower() in SUFFIXES)
        random.Random(1).shuffle(pictures)
        found += pictures[: number - len(found)]
    return found


def show_pairs(paths: list[Path], fields: list[str], originals: list[str]) -> None:
    """Look for sisters among the pictures, of which the first ones are copies, and print what is found."""
    began = time.process_time()
    pairs = sister_pairs([working_copy(path) for path in paths], Silent())
    spent_s = time.process_time() - began
    found = {(pair.first, pair.second) for pair in pairs}
    copies = len(originals)
    true = {(i, j) for i, j in combinations(range(copies), 2) if originals[i] == originals[j]}
    others = [(i, j) for i, j in found - true if j >= copies or fields[i] != fields[j]]
    print(
        f"{copies} copies of {len(set(originals))} originals among {len(paths)} pictures, {spent_s:.0f} s of processor"
    )
    print(f"pairs of one original: {len(true & found)} of {len(true)} found")
    seen = {tuple(originals[i] if i < copies else str(paths[i]) for i in pair) for pair in others}
    print(f"pairs of pictures that no table knows to overlap: {len(others)}, of these:")
    for pair in sorted({tuple(sorted(pair)) for pair in seen}):
        print("  ", " = ".join(pair))


def deal_by_file(index: Path, to: Path) -> None:
    """The same index with its splits dealt to the files of each class by chance."""
    rows, chance = rows_of(index), random.Random(1)
    for label in sorted({row["label"] for row in rows}):
        own = [row for row in rows if row["label"] == label]
        splits = [row["split"] for row in own]
        chance.shuffle(splits)
        for row, split in zip(own, splits, strict=True):
            row["split"] = split
    columns = [name for name in rows[0] if name != "group"]
    with to.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Make, look, split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with bccd/ and kaggle_sample/originals.csv")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for the copies")
    parser.add_argument("--unrelated", type=int, default=1000, help="further pictures of other laboratories")
    asked = parser.parse_args()
    copies = rows_of(asked.data / "kaggle_sample" / "originals.csv")
    field = {row["image"]: row["field"] for row in rows_of(asked.data / "bccd" / "index.csv")}
    whole = asked.out / "by_original"
    made = make(asked.data / "bccd" / "images", copies, whole)
    originals = [row["original"] for row in copies]
    show_pairs([*made, *unrelated(asked.data, asked.unrelated)], [field[name] for name in originals], originals)
    division = split_folder(whole, {"val": 0.15}, force=True)
    print(f"by original: an augmented set of about {division.originals} originals")
    shutil.copytree(whole, asked.out / "by_file", ignore=shutil.ignore_patterns("index*"))
    deal_by_file(whole / INDEX, asked.out / "by_file" / INDEX)


if __name__ == "__main__":
    main()
