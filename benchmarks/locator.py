"""Accuracy of the locators for white cells, red cells and platelets, on annotated fields.

The learned locator, the classical one and a constant answer, side by side: AP50 per kind (area under the whole
precision-recall curve at an IoU of 0.5, as defined by Pascal VOC since 2010) and its mean; precision, recall and F1
at the locator's own thresholds; counting error per field (mean absolute, and bias); and milliseconds of one thread per
field, with the scale unknown (a first frame) and known (the rest of a session). The constant answer is one white cell
of the usual size in the middle of the picture, and for the counts "always the median": hard to beat where nearly every
field has one white cell.

Each data set is one session, as in `hemato-edge analyze`: its scale is measured by the locator itself over all
pictures. "alone" is AP50 if the scale of every picture is measured in that picture only.

AP of red cells in bccd is limited by the annotations: some fields have no red-cell boxes or hardly any. The figures are
given for all fields ("raw") and without fields of at most three red-cell boxes ("sound"). Thresholds were chosen on the
training splits; use the figures of `val`.

    python benchmarks/locator.py --data ../shared/data [--split val] [--model FILE] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.labels import KINDS, WBC
from hemato_edge.models.bundle import shipped_locator
from hemato_edge.values import Detections
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import TFLiteLocator, load_locator
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.scale import ScaleEstimator, red_cell_diameter_px
from hemato_training.data.field_sets import FIELD_SETS, load_fields
from hemato_training.data.records import in_split
from hemato_training.locate.material import UNDRAWN_PLATELETS, is_sound
from hemato_training.metrics.detection import kind_figures

if TYPE_CHECKING:
    from collections.abc import Callable

    from hemato_edge.vision.locate.locator import Locator
    from hemato_training.data.field_sets import Field

EVERYTHING = 0.01
"""Lowest score of detections used for AP."""


class ConstantLocator:
    """One white cell in the middle, whatever the picture shows.

    Args:
        share: its side relative to the picture's shorter side.
    """

    def __init__(self, share: float) -> None:
        self._share = share

    def locate(self, view: FieldView) -> Detections:
        """The same answer for all pictures of one size."""
        width, height = view.size
        half = self._share * min(height, width) / 2
        box = [width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half]
        return Detections(np.array([box], np.float32), np.array([WBC], np.int8), np.ones(1, np.float32))


def usual_share(fields: list[Field]) -> float:
    """Median side of the white cells of training fields, relative to the picture's shorter side."""
    shares = []
    for field in fields:
        boxes = field.boxes.of_kind(WBC)
        sides = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
        shares += (sides / min(field.image().shape[:2])).tolist()
    return float(np.median(shares))


def session_scale(found: list[Detections]) -> float | None:
    """Red-cell diameter in pixels over all pictures, as a session estimates it."""
    estimator = ScaleEstimator(len(found))
    for one in found:
        diameter = red_cell_diameter_px(one)
        if diameter is not None:
            estimator.add(diameter)
    return estimator.red_cell_px


def evaluate(
    name: str, everything: Locator, locator: Locator, min_scores: list[float], fields: list[Field], timed: int
) -> dict[str, object]:
    """All figures of one locator on one data set.

    Args:
        name: of the data set.
        everything: the locator with the lowest threshold, for AP.
        locator: with its normal thresholds.
        min_scores: these thresholds, by kind.
        fields: of the data set.
        timed: number of fields to time.
    """
    scale = session_scale([locator.locate(FieldView(field.image())) for field in fields])
    alone = [(everything.locate(FieldView(field.image())), field.boxes) for field in fields]
    results = [(everything.locate(FieldView(field.image(), red_cell_px=scale)), field.boxes) for field in fields]
    sound = [one for one, field in zip(results, fields, strict=True) if is_sound(field)]
    kinds = range(len(KINDS))
    raw_figures = [kind_figures(results, kind, min_scores[kind]) for kind in kinds]
    sound_figures = [kind_figures(sound, kind, min_scores[kind]) for kind in kinds]
    judged = [k for k in kinds if not (KINDS[k] == "platelet" and name in UNDRAWN_PLATELETS)]
    pictures = [field.image() for field in fields[:timed]]
    first = [_timed(lambda image=p: locator.locate(FieldView(image))) for p in pictures]  # type: ignore[misc]
    later = [_timed(lambda image=p: locator.locate(FieldView(image, red_cell_px=scale))) for p in pictures]  # type: ignore[misc]
    return {
        "fields": len(fields),
        "sound_fields": len(sound),
        "red_cell_px": None if scale is None else round(scale, 1),
        "raw": [asdict(f) for f in raw_figures],
        "sound": [asdict(f) for f in sound_figures],
        "map50_raw": round(float(np.mean([raw_figures[k].ap50 for k in judged])), 4),
        "map50_sound": round(float(np.mean([sound_figures[k].ap50 for k in judged])), 4),
        "ap50_alone": [kind_figures(alone, kind, min_scores[kind]).ap50 for kind in kinds],
        "ms_first": round(float(np.median(first)), 2),
        "ms_later": round(float(np.median(later)), 2),
    }


def _timed(call: Callable[[], Detections]) -> float:
    """Milliseconds of processor time, best of three: for one thread on an idle machine."""
    best = np.inf
    for _ in range(3):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return best * 1e3


def show(name: str, split: str, figures: dict[str, dict[str, object]]) -> None:
    """One data set's figures as a table."""
    some = next(iter(figures.values()))
    print(f"{name} {split}: {some['fields']} fields, {some['sound_fields']} of them with sound red-cell labels")
    print(f"  {'':9}{'':10}{'AP50':>6}{'sound':>7}{'alone':>7}{'prec':>7}{'recall':>7}{'F1':>7}{'MAE':>7}{'bias':>7}")
    for kind, label in enumerate(KINDS):
        for who, f in figures.items():
            k, sound = f["raw"][kind], f["sound"][kind]  # type: ignore[index]
            print(
                f"  {label if who == next(iter(figures)) else '':9}{who:10}{k['ap50']:6.3f}{sound['ap50']:7.3f}"
                f"{f['ap50_alone'][kind]:7.3f}{k['precision']:7.3f}"  # type: ignore[index]
                f"{k['recall']:7.3f}{k['f1']:7.3f}{k['count_mae']:7.2f}{k['count_bias']:+7.2f}"
            )
        print(f"  {'':9}of {k['boxes']} boxes; always {k['constant']} a field: MAE {k['constant_mae']:.2f}")
    for who, f in figures.items():
        print(
            f"  {who:10} mAP50 {f['map50_raw']:.3f}, sound {f['map50_sound']:.3f}; red cells {f['red_cell_px']} px; "
            f"{f['ms_first']} ms a field with unknown scale, {f['ms_later']} ms with known scale"
        )
    print()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--split", default="val", choices=("train", "val"))
    parser.add_argument("--model", type=Path, default=shipped_locator(), help="bundle of the learned locator")
    parser.add_argument("--timed", type=int, default=20, help="fields that are timed, of each data set")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    learned = load_locator("learned", arguments.model)
    assert isinstance(learned, TFLiteLocator)
    thresholds = [float(score) for score in learned.min_scores]
    classical = OpenCvLocator()
    report: dict[str, object] = {
        "model": str(arguments.model),
        "bytes": arguments.model.stat().st_size,
        "multiply_adds_a_window": learned.card.multiply_adds,
    }
    if not arguments.json:
        print(f"{arguments.model}: {report['bytes']} bytes, {learned.card.multiply_adds / 1e9:.3f} G multiply-adds\n")
    for name in FIELD_SETS:
        fields = load_fields(arguments.data, (name,))
        chosen = in_split(fields, arguments.split)
        constant = ConstantLocator(usual_share(in_split(fields, "train")))
        least = [classical.min_score] * len(KINDS)
        figures = {
            "learned": evaluate(
                name, load_locator("learned", arguments.model, EVERYTHING), learned, thresholds, chosen, arguments.timed
            ),
            "opencv": evaluate(name, OpenCvLocator(0.0), classical, least, chosen, arguments.timed),
            "constant": evaluate(name, constant, constant, least, chosen, 1),  # type: ignore[arg-type]
        }
        report[name] = figures
        if not arguments.json:
            show(name, arguments.split, figures)
    if arguments.json:
        print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
