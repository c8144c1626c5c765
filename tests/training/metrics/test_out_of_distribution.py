from __future__ import annotations

import cv2
import numpy as np
import pytest

from hemato_edge.labels import CLASSIFIER_LABELS, PLATELET, RBC, WBC
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_training.data.field_sets import Field
from hemato_training.data.formats.annotations import Boxes
from hemato_training.data.noncells import Strangers, distance_to_boxes, draw_noise, gather_strangers, strange_places
from hemato_training.metrics.out_of_distribution import energy, figures_of_strangers, separation

N = len(CLASSIFIER_LABELS)


def test_energy_worked_by_hand() -> None:
    assert energy(np.zeros((1, 8)))[0] == pytest.approx(-np.log(8))
    assert energy(np.zeros((1, 8)), 2.0)[0] == pytest.approx(-2 * np.log(8))
    # a logit far above the rest is the energy itself, and large ones do not overflow
    assert energy(np.array([[1000.0, 0.0]]))[0] == pytest.approx(-1000.0)


@pytest.mark.parametrize(
    ("known", "strange", "auroc", "fpr95"),
    [
        (np.arange(20.0) + 100, np.arange(5.0), 1.0, 0.0),
        (np.arange(20.0), np.arange(20.0), 0.5, 0.95),
        # 95 % of 20 known cells reach 1.0; two of four strangers do
        (np.arange(20.0), np.array([-1.0, 0.5, 1.0, 30.0]), (20 + 19 + 18.5 + 0) / 80, 0.5),
    ],
)
def test_separation_worked_by_hand(known, strange, auroc: float, fpr95: float) -> None:
    found = separation(known, strange)
    assert found.auroc == pytest.approx(auroc)
    assert found.fpr95 == pytest.approx(fpr95)
    assert found.interval[0] <= found.auroc <= found.interval[1]


def test_figures_tell_what_strangers_are_called() -> None:
    known = np.eye(N, dtype=np.float32)[np.arange(40) % N] * 20
    logits = np.zeros((4, N), np.float32)
    logits[0, 0] = logits[1, N - 1] = 9  # a neutrophil and a platelet; the others stay unclassified
    strangers = Strangers("red_cell", "bccd", np.zeros((4, 1, 1, 3), np.uint8), np.array(list("abcd")))
    found = figures_of_strangers(
        strangers, logits, known, np.arange(40).astype(str), temperature=1.0, threshold=0.9, same=known[:5]
    )
    assert (found.answered, found.named_white) == (0.5, 0.25)
    assert found.names == {"neutrophil": 1, "platelet": 1}
    assert found.energy.auroc == found.confidence.auroc == 1.0
    assert found.energy_same is not None
    assert found.as_json()["energy"]["fpr95"] == 0.0


def test_distance_to_boxes() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)
    points = np.array([[5, 5], [13, 14], [15, 5]], float)
    assert distance_to_boxes(points, boxes) == pytest.approx([0, 5, 5])
    assert np.isinf(distance_to_boxes(points, boxes[:0])).all()


def test_places_keep_away_from_white_cells(tmp_path) -> None:
    image = np.full((300, 400, 3), 235, np.uint8)
    cv2.circle(image, (100, 150), 30, (130, 40, 90), -1)
    red, small = [(140, 140, 170, 170, RBC), (320, 130, 350, 160, RBC)], (300, 40, 310, 50, PLATELET)
    boxes = [(70, 120, 130, 180, WBC), *red, small]
    table = np.array(boxes, np.float32)
    field = Field(tmp_path, "", "bccd", "bccd/field 1", "val", "a", Boxes(table[:, :4], table[:, 4].astype(np.intp)))
    found = strange_places(field, image, 30.0, OpenCvLocator(), np.random.default_rng(0))
    assert found["white"].tolist() == [[100, 150]]
    assert found["red_cell"].tolist() == [[335, 145]]  # the other touches the white cell
    assert found["platelet"].tolist() == [[305, 45]]
    assert len(found["mistaken"]) == 0
    assert len(found["background"]) > 20
    assert distance_to_boxes(found["background"], field.boxes.xyxy).min() > 20


def test_noise_is_of_three_kinds_and_repeatable() -> None:
    noise = draw_noise(32, 6)
    assert np.array_equal(noise, draw_noise(32, 6))
    assert np.ptp(noise[2].reshape(-1, 3), axis=0).max() == 0
    roughness = [np.abs(np.diff(one.astype(int), axis=1)).mean() for one in noise[:2]]
    assert roughness[0] > 5 * roughness[1]


def test_without_fields_only_noise_is_left(tmp_path) -> None:
    assert [own.kind for own in gather_strangers(tmp_path, 64, tmp_path)] == ["noise"]


def test_strangers_of_drawn_fields(drawn_data, tmp_path) -> None:
    found = {own.kind: own for own in gather_strangers(drawn_data, 64, tmp_path)}
    assert {"white", "background", "noise"} <= set(found)
    assert found["white"].images.shape == (8, 64, 64, 3)
    assert set(found["white"].groups) == {f"bccd/field {n}{i}" for n in range(4) for i in (6, 7)}
    # background is bright, white cells are not
    middle = slice(24, 40)
    bright = {kind: float(found[kind].images[:, middle, middle].mean()) for kind in ("white", "background")}
    assert bright["background"] > bright["white"] + 30
