"""A tiny drawn data set in the layout of the real ones, so that training can be tested anywhere."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import CLASSIFIER_LABELS

if TYPE_CHECKING:
    from pathlib import Path

RED_PX = 30
BACKGROUND = (228, 232, 236)
RED_CELL, RED_CENTRE = (165, 160, 215), (178, 174, 219)
# cytoplasm and nucleus (BGR), radius of the cell in red-cell diameters
LOOKS = {
    "neutrophil": ((215, 190, 215), (130, 40, 90), 0.80),
    "eosinophil": ((120, 130, 225), (130, 45, 95), 0.80),
    "basophil": ((150, 60, 80), (110, 25, 60), 0.75),
    "lymphocyte": ((220, 160, 140), (135, 40, 85), 0.55),
    "monocyte": ((205, 180, 175), (150, 70, 110), 1.05),
    "immature_granulocyte": ((190, 150, 200), (160, 80, 130), 1.00),
    "erythroblast": ((190, 180, 190), (100, 20, 50), 0.48),
    "platelet": ((190, 130, 170), (170, 90, 150), 0.22),
}


def draw_picture(label: str, width: int, height: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, ...]]:
    """A picture with one named cell in the middle and red cells around it; BGR, and the cell's box."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = BACKGROUND
    middle = np.array([width / 2, height / 2]) + rng.uniform(-3, 3, 2)
    cytoplasm, nucleus, radius = LOOKS[label]
    reach = int(radius * RED_PX)
    placed: list[np.ndarray] = []
    for _ in range(200):
        at = rng.uniform([0, 0], [width, height])
        apart = all(np.hypot(*(at - other)) > RED_PX * 1.15 for other in placed)
        if apart and np.hypot(*(at - middle)) > reach + RED_PX * 0.65:
            placed.append(at)
            point = tuple(int(v) for v in at)
            cv2.circle(picture, point, RED_PX // 2, RED_CELL, -1, cv2.LINE_AA)
            cv2.circle(picture, point, RED_PX // 5, RED_CENTRE, -1, cv2.LINE_AA)
    x, y = (int(v) for v in middle)
    cv2.circle(picture, (x, y), reach, cytoplasm, -1, cv2.LINE_AA)
    cv2.circle(picture, (x, y), int(reach * 0.65), nucleus, -1, cv2.LINE_AA)
    noisy = cv2.GaussianBlur(picture, (0, 0), 0.8) + rng.normal(0, 2, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), (x - reach, y - reach, x + reach, y + reach)


def draw_data(folder: Path, train: int = 6, val: int = 2) -> Path:
    """Draw `pbc` and `bccd` under `folder`; `train` and `val` pictures of each class."""
    rng = np.random.default_rng(5)
    draw_pbc(folder / "pbc", train, val, rng)
    draw_bccd(folder / "bccd", train, val, rng)
    return folder


def draw_pbc(folder: Path, train: int, val: int, rng: np.random.Generator) -> None:
    rows = []
    for label in CLASSIFIER_LABELS:
        (folder / label).mkdir(parents=True)
        for i in range(train + val):
            name = f"{label}/{label[:3].upper()}_{i}.png"
            cv2.imwrite(str(folder / name), draw_picture(label, 150, 150, rng)[0])
            rows.append((name, label, "XX", "train" if i < train else "val"))
    write_index(folder, ("image", "label", "subcode", "split"), rows)


def draw_bccd(folder: Path, train: int, val: int, rng: np.random.Generator) -> None:
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    rows = []
    for n, label in enumerate(("neutrophil", "eosinophil", "lymphocyte", "monocyte")):
        for i in range(train + val):
            name = f"Blood_{n}_{i}.png"
            picture, box = draw_picture(label, 280, 210, rng)
            cv2.imwrite(str(folder / "images" / name), picture)
            write_voc(folder / "annotations" / f"Blood_{n}_{i}.xml", [("WBC", box), ("WBC", (5, 5, 5, 9))])
            rows.append((name, f"{n}{i}", "train" if i < train else "val", label.upper(), "1"))
    write_index(folder, ("image", "field", "split", "subtypes", "wbc_boxes"), rows)


def write_voc(path: Path, boxes: list[tuple[str, tuple[int, ...]]]) -> None:
    objects = "".join(
        f"<object><name>{kind}</name><bndbox><xmin>{b[0]}</xmin><ymin>{b[1]}</ymin><xmax>{b[2]}</xmax>"
        f"<ymax>{b[3]}</ymax></bndbox></object>"
        for kind, b in boxes
    )
    path.write_text(f"<annotation>{objects}</annotation>")


def write_index(folder: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def read_rows(folder: Path) -> list[list[str]]:
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.reader(file))
