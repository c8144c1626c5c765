"""The fields used by `peers.py`, and the white cells that our locator finds in them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.picture_files import PICTURE_SUFFIXES, read_picture
from hemato_edge.labels import CLASSIFIER_LABELS, WBC
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate
from hemato_edge.vision.slide_appearance import WHOLE_SET, AppearanceEstimator

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = 24


def fields_of(folder: Path | None) -> list[np.ndarray]:
    """Pictures of 640×480 that pass the quality gate, evenly chosen from a folder; or drawn ones."""
    gate = QualityGate()
    if folder is None:
        with OpenCamera(DemoCamera(1, frames=40 * FIELDS)) as camera:
            frames = (camera.read(1.0).image for _ in range(40 * FIELDS))
            good = [image for i, image in enumerate(frames) if i % 20 == 0 and not gate.assess(FieldView(image)).reject]
        return good[:FIELDS]
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    good = []
    for path in paths[:: max(1, len(paths) // (2 * FIELDS))]:
        image = read_picture(path)
        if image.shape == (480, 640, 3) and not gate.assess(FieldView(image)).reject:
            good.append(image)
    if not good:
        sys.exit(f"{folder} holds no picture of 640×480 that is fit to be counted")
    return good[:FIELDS]


def lay_out(work: Path, fields: list[np.ndarray]) -> dict[str, float]:
    """Write the fields and the crops of our locator's white cells; returns mean numbers of cells per field."""
    (work / "fields").mkdir(parents=True, exist_ok=True)
    for old in (work / "fields").glob("*.npy"):
        old.unlink()
    locator, classifier, looks = load_locator(), load_classifier(), AppearanceEstimator(WHOLE_SET)
    found = []
    for i, image in enumerate(fields):
        np.save(work / "fields" / f"{i:03}.npy", image)
        view = FieldView(image)
        detections = locator.locate(view)
        looks.add_field(view, detections)
        found.append(detections)
    look = looks.appearance()
    if look is None:
        sys.exit("no red cell in any field: their scale cannot be told")
    boxes = [detections.of_kind(WBC).boxes for detections in found]
    np.savez(
        work / "crops.npz",
        crops=np.concatenate(
            [classifier.crops(FieldView(image), own, look) for image, own in zip(fields, boxes, strict=True)]
        ),
        boxes=np.concatenate(boxes),
        ends=np.cumsum([len(own) for own in boxes]),
        red_cell_px=look.red_cell_px,
        labels=len(CLASSIFIER_LABELS),
    )
    return {
        "white_cells": sum(len(own) for own in boxes) / len(fields),
        "cells": sum(len(detections) for detections in found) / len(fields),
    }
