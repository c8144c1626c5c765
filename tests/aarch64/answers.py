"""What this machine answers to pictures: to be compared between two processors (`compare.py`).

Uses the installed package and nothing else. The pictures were drawn on one machine, because drawing, too, rounds
differently elsewhere.

    python answers.py draw PICTURES                    draw fields and cells into a folder, and what models see of them
    python answers.py PICTURES NAME                    writes NAME.json and NAME.npz
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import cv2
import numpy as np

from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.picture_files import read_picture
from hemato_edge.errors import ImageError
from hemato_edge.labels import WBC
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.pipeline.images import analyze_pictures, classify_pictures
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import TFLiteLocator, load_locator
from hemato_edge.vision.locate.windows import plan, windows_of
from hemato_edge.vision.quality import QualityGate
from hemato_edge.vision.slide_appearance import AppearanceEstimator

FIELDS = 3
FRAMES_BETWEEN = 40


def draw(folder: Path) -> None:
    """Fields of a drawn slide, their white cells cut out as pictures, and the crops that the classifier sees."""
    folder.mkdir(parents=True, exist_ok=True)
    locator, classifier, looks = load_locator(), load_classifier(), AppearanceEstimator()
    assert isinstance(locator, TFLiteLocator)
    crops, windows = [], []
    with OpenCamera(DemoCamera(3, clean=True)) as camera:
        for number in range(FIELDS * FRAMES_BETWEEN):
            image = camera.read(1.0).image
            if number % FRAMES_BETWEEN:
                continue
            cv2.imwrite(str(folder / f"field{number:03}.png"), image)
            view = FieldView(image, red_cell_px=looks.red_cell_px)
            found = locator.locate(view)
            looks.add_field(view, found)
            white, look = found.of_kind(WBC), looks.appearance()
            assert look is not None, "no red cells in a drawn field"
            crops.append(classifier.crops(view, white.boxes, look))
            grid = plan(image.shape, look.red_cell_px, locator.spec, largest=1)
            windows += [window.image for window in windows_of(view, grid)]
            for i, (x0, y0, x1, y1) in enumerate(white.boxes.astype(int)):
                side = max(x1 - x0, y1 - y0)
                part = image[max(y0 - side // 2, 0) : y1 + side // 2, max(x0 - side // 2, 0) : x1 + side // 2]
                cv2.imwrite(str(folder / f"cell{number:03}-{i}.png"), part)
    np.savez_compressed(folder / "inputs.npz", crops=np.concatenate(crops), windows=np.stack(windows))


def answer(folder: Path, name: Path) -> None:
    """Versions, what the models make of equal inputs, what `classify` says to cells, and `analyze` to fields."""
    locator, classifier = load_locator(), load_classifier()
    assert isinstance(locator, TFLiteLocator)

    def failed(error: ImageError) -> None:
        raise error

    with np.load(folder / "inputs.npz") as inputs:
        maps = [locator.model.maps(window) for window in inputs["windows"]]
        np.savez(
            name.with_suffix(".npz"),
            logits=classifier.model.logits(inputs["crops"]),
            heat=np.stack([heat for heat, _ in maps]),
            boxes=np.stack([boxes for _, boxes in maps]),
        )
    cells = classify_pictures(sorted(folder.glob("cell*.png")), locator, classifier, failed=failed)
    fields = analyze_pictures(sorted(folder.glob("field*.png")), QualityGate(), locator, classifier, failed=failed)
    runtime = find_runtime()
    told = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {runtime.name: runtime.version, "numpy": np.__version__, "opencv": cv2.__version__},
        "tolerance": classifier.card.golden.tolerance,
        "cells": {cell.path.name: cell.as_json() for cell in cells},
        "fields": {field.path.name: field.as_json() for field in fields},
        "sums": {path.name: int(read_picture(path).sum()) for path in sorted(folder.glob("*.png"))},
    }
    name.with_suffix(".json").write_text(json.dumps(told))


if __name__ == "__main__":
    if sys.argv[1] == "draw":
        draw(Path(sys.argv[2]))
    else:
        answer(Path(sys.argv[1]), Path(sys.argv[2]))
