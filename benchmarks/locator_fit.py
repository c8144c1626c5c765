"""Fits the score coefficients of the classical locator on the training splits.

Prints them in the form of `vision/locate/locator.py`: `RED_SCORE` and `PLATELET_SCORE`. All data sets weigh the same.

    python benchmarks/locator_fit.py --data ../shared/data
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import KINDS, PLATELET, RBC
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate import outlines, platelets
from hemato_edge.vision.locate.candidates import box_overlap
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_training.data.field_sets import FIELD_SETS, load_fields
from hemato_training.data.records import in_split
from hemato_training.locate.material import UNDRAWN_PLATELETS, is_sound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_training.data.field_sets import Field


def fit(folder: Path) -> None:
    """Print the score coefficients, fitted on the training splits with equal weight of all data sets."""
    locator = OpenCvLocator(min_score=0.0)
    tables: dict[int, list[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]]] = {
        RBC: [],
        PLATELET: [],
    }
    for name in FIELD_SETS:
        gathered: dict[int, list[tuple[NDArray[np.float64], NDArray[np.bool_]]]] = {RBC: [], PLATELET: []}
        for field in in_split(load_fields(folder, (name,)), "train"):
            seen = locator.analysis(FieldView(field.image()))
            for kind, candidates, overlap in ((RBC, seen.red, 0.5), (PLATELET, seen.platelets, 0.4)):
                if kind == RBC and not is_sound(field):
                    continue
                if kind == PLATELET and name in UNDRAWN_PLATELETS:
                    continue
                gathered[kind].append((candidates.features, _hits(candidates.boxes, seen, field, kind) >= overlap))
        for kind, parts in gathered.items():
            if parts:
                features = np.concatenate([p[0] for p in parts])
                labels = np.concatenate([p[1] for p in parts])
                tables[kind].append((features, labels, np.full(len(labels), 1e4 / len(labels))))
    for kind, names in ((RBC, outlines.FEATURES), (PLATELET, platelets.FEATURES)):
        x, y, weight = (np.concatenate([t[i] for t in tables[kind]]) for i in range(3))
        coefficients = logistic_regression(x, y, weight)
        print(f"{KINDS[kind]}: {tuple(float(c) for c in coefficients.round(2))}  # intercept, {', '.join(names)}")


def _hits(boxes: NDArray[np.float32], seen: object, field: Field, kind: int) -> NDArray[np.float32]:
    targets = field.boxes.of_kind(kind)
    if not len(targets):
        return np.zeros(len(boxes), np.float32)
    factor = seen.contrast.factor  # type: ignore[attr-defined]
    height, width = field.image().shape[:2]
    inside = np.clip(boxes / factor, 0, [width, height, width, height]).astype(np.float32)
    return box_overlap(inside, targets).max(axis=1)


def logistic_regression(
    x: NDArray[np.float64], y: NDArray[np.bool_], weight: NDArray[np.float64], ridge: float = 1.0
) -> NDArray[np.float64]:
    """Intercept and coefficients, by Newton's method on standardised features with a ridge penalty."""
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(x)), (x - mean) / spread])
    beta = np.zeros(design.shape[1])
    penalty = np.diag([0.0] + [ridge] * x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (p - y)) + penalty @ beta
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + penalty
        beta -= np.linalg.solve(curvature, gradient)
    slopes = beta[1:] / spread
    return np.concatenate([[beta[0] - float(slopes @ mean)], slopes])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    cv2.setNumThreads(1)
    fit(parser.parse_args().data)


if __name__ == "__main__":
    main()
