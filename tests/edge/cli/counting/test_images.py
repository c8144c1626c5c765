"""`hemato-edge analyze`, `classify` and `model` as processes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from outcomes import assert_one_line_error

from hemato_edge import RESEARCH_USE_NOTICE
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.models.bundle import shipped_classifier


@pytest.fixture(scope="module")
def single_cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of one drawn cell each, with red cells around, in a folder; the name tells the truth."""
    folder = tmp_path_factory.mktemp("cells")
    for seed, label in enumerate(("neutrophil", "eosinophil", "monocyte"), start=1):
        image, truth = draw_field(seed, (label,))
        cell = next(t for t in truth if t.label == label)
        x, y = round(cell.x_px), round(cell.y_px)
        padded = cv2.copyMakeBorder(image, 180, 180, 180, 180, cv2.BORDER_REFLECT)
        cv2.imwrite(str(folder / f"{label}.png"), padded[y : y + 360, x : x + 360])
    return folder


def test_analyze_gives_the_json_of_the_interface(program, fields: Path) -> None:
    done = program("analyze", "--jsonl", *sorted(fields.glob("*.png")))
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(r["path"]).name for r in results] == ["field1.png", "field2.png", "field3.png"]
    for seed, result in enumerate(results, start=1):
        assert (result["width"], result["height"]) == (640, 480)
        assert set(result["counts"]) == {"wbc", "rbc", "platelet"}
        further = {"field_of_view", "red_cells", "platelets"}
        assert set(result) == {"path", "width", "height", "counts", "cells", "quality", "latency_ms"} | further
        red = result["red_cells"]
        assert red["measured"] == len(red["diameters_px"]) == len(red["pallor"])
        assert red["measured"] + sum(red["left_out"].values()) == result["counts"]["rbc"]
        assert set(result["platelets"]) == {"giant", "clumped"}
        truth = [t for t in draw_field(seed)[1] if t.kind == "wbc"]
        white = [c for c in result["cells"] if c["kind"] == "wbc"]
        assert len(white) == result["counts"]["wbc"]
        for cell in white:
            assert 0 < cell["score"] <= 1
            assert cell["label"] in {*CLASSIFIER_LABELS, UNCLASSIFIED}
            assert sum(cell["probabilities"].values()) == pytest.approx(1, abs=1e-3)
        for cell in truth:
            assert any(inside((cell.x_px, cell.y_px), c["box"]) for c in white), f"missed {cell}"


def inside(point: tuple[float, float], box: list[float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def test_analyze_json_is_one_document(program, fields: Path) -> None:
    assert len(json.loads(program("analyze", "--json", *fields.glob("*.png")).stdout)) == 3
    assert program("analyze", "--json", "--jsonl", *fields.glob("*.png")).returncode == 2


def test_a_lower_min_score_finds_no_less(program, fields: Path) -> None:
    path = fields / "field1.png"
    counts = [
        sum(json.loads(program("analyze", "--jsonl", "--min-score", s, path).stdout)["counts"].values())
        for s in (0.05, 0.5, 0.95)
    ]
    assert counts[0] >= counts[1] >= counts[2]
    assert counts[0] > counts[2]


def test_annotate_writes_a_picture_with_boxes(program, fields: Path, tmp_path: Path) -> None:
    counts = json.loads(program("analyze", "--jsonl", fields / "field1.png").stdout)["counts"]
    done = program("analyze", fields / "field1.png", "--annotate", "out")
    assert counts["wbc"] == 4
    assert "field1.png: 4 white cells, {rbc} red cells, {platelet} platelets: ".format(**counts) in done.stdout
    assert done.stdout.count(RESEARCH_USE_NOTICE) == 1
    picture = cv2.imread(str(tmp_path / "out" / "field1.png"))
    original = cv2.imread(str(fields / "field1.png"))
    height, width = original.shape[:2]
    assert picture.shape[1] == width
    assert picture.shape[0] > height  # the legend stands below
    assert np.count_nonzero(np.any(picture[:height] != original, axis=2)) > 500


def test_a_picture_of_somebody_else_is_never_annotated_over(program, fields: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for _ in range(2):  # its own earlier picture is replaced
        assert program("analyze", fields / "field1.png", "--annotate", out).returncode == 0
    mine = fields / "field2.png"
    (out / "field1.png").write_bytes(mine.read_bytes())
    assert_one_line_error(program("analyze", fields / "field1.png", "--annotate", out), 1, "no earlier output")
    assert (out / "field1.png").read_bytes() == mine.read_bytes()


def test_classify_names_drawn_cells(program, single_cells: Path) -> None:
    done = program("classify", "--jsonl", *sorted(single_cells.glob("*.png")))
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    for result in results:
        assert set(result) - {"attributes"} == {
            *("path", "label", "confidence", "probabilities", "unclassified", "reject"),
        }
        assert set(result["probabilities"]) == set(CLASSIFIER_LABELS)
        assert result["unclassified"] == (result["label"] == UNCLASSIFIED)
    best = {Path(r["path"]).stem: max(r["probabilities"], key=r["probabilities"].get) for r in results}
    assert sum(truth == answer for truth, answer in best.items()) >= 2, best


def test_each_judges_a_picture_alone(program, single_cells: Path) -> None:
    together = program("classify", "--each", "--jsonl", *sorted(single_cells.glob("*.png"))).stdout.splitlines()
    alone = [program("classify", "--jsonl", p).stdout.strip() for p in sorted(single_cells.glob("*.png"))]
    assert together == alone


def test_explain_writes_the_activation_map(program, single_cells: Path, tmp_path: Path) -> None:
    done = program("classify", single_cells / "neutrophil.png", "--explain", "maps")
    assert done.returncode == 0, done.stderr
    picture = cv2.imread(str(tmp_path / "maps" / "neutrophil.png"))
    assert picture.shape[1] == 2 * picture.shape[0]
    left, right = np.hsplit(picture, 2)
    assert np.abs(left.astype(int) - right).mean() > 5
    assert "granules" in done.stdout.splitlines()[1]
    (result,) = json.loads(program("classify", single_cells / "neutrophil.png", "--json", "--explain", "more").stdout)
    said = {one["name"]: one["value"] for one in result["attributes"]}
    assert (said["granularity"], said["granule_type"]) == ("yes", "small")


@pytest.mark.parametrize("command", ["analyze", "classify"])
def test_a_bad_picture_is_told_and_the_others_are_done(program, single_cells: Path, tmp_path: Path, command) -> None:
    (tmp_path / "bad.png").write_bytes(b"bad")
    done = program(command, "--jsonl", "bad.png", single_cells / "neutrophil.png")
    assert len(done.stdout.splitlines()) == 1
    assert_one_line_error(done, 8, "bad.png is not a picture")


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("deep_grey.png", lambda f: f[:, :, 1].astype(np.uint16) * 257, "grey"),
        ("grey.png", lambda f: f[:, :, 1], "grey"),
        ("tiny.png", lambda f: f[:16, :16], "16×16"),
        ("huge.png", lambda f: np.full((9000, 8000, 3), 200, np.uint8), "megapixels"),
    ],
)
def test_pictures_that_cannot_be_judged(program, tmp_path: Path, name: str, make, said: str) -> None:
    cv2.imwrite(str(tmp_path / name), make(draw_field(1)[0]))
    assert_one_line_error(program("analyze", name), 8, said)


def test_an_empty_field_has_no_cells(program, tmp_path: Path) -> None:
    glass = np.full((480, 640, 3), (200, 227, 250), np.uint8)
    noise = np.random.default_rng(1).normal(0, 3, glass.shape)
    cv2.imwrite(str(tmp_path / "glass.png"), np.clip(glass + noise, 0, 255).astype(np.uint8))
    result = json.loads(program("analyze", "--jsonl", "glass.png").stdout)
    assert result["counts"]["wbc"] == 0
    assert result["quality"]["reject"] == "empty"


def test_model_commands(program) -> None:
    info = json.loads(program("model", "info", "--json").stdout)
    assert info["card"]["labels"] == list(CLASSIFIER_LABELS)
    verified = json.loads(program("model", "verify", "--json").stdout)
    assert verified["good"] is True
    assert [m["task"] for m in verified["models"]] == ["classify", "locate"]
    assert [m["task"] for m in json.loads(program("model", "list", "--json").stdout)] == ["classify", "locate"]
    assert "int8" in program("model", "info").stdout


def test_only_trusted_models_are_run_where_that_is_set(program, tmp_path: Path) -> None:
    own, key, keys = tmp_path / "own.tflite", tmp_path / "maker", tmp_path / "keys"
    own.write_bytes(shipped_classifier().read_bytes())
    assert program("model", "key", key).returncode == 0
    assert_one_line_error(program("model", "trust", f"{key}.pub"), 6, "model.trusted_keys")
    said = program("model", "trust", f"{key}.pub", "--folder", keys).stdout
    assert "is trusted" in said
    assert "Not in force yet" in said
    env = {"HEMATO_EDGE_MODEL__TRUSTED_KEYS": str(keys)}
    picture = tmp_path / "field.png"
    picture.write_bytes(b"no picture")
    refused = program("classify", picture, "--model", own, **env)
    assert_one_line_error(refused, 4, "is not signed")
    assert program("model", "sign", own, "--key", key).returncode == 0
    assert_one_line_error(program("classify", picture, "--model", own, **env), 8)


def test_pictures_with_the_same_bytes_are_said(program, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(tmp_path / name), draw_field(2 if name == "c.png" else 1)[0])
    done = program("analyze", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note: 1 of 3 pictures holds the same bytes as another one" in done.stderr
    *lines, red_cells, _ = done.stdout.splitlines()
    assert len(lines) == 3
    assert "Red-cell size and pallor: not assessed" in red_cells


def test_whole_fields_are_told_where_pictures_of_one_cell_are_asked_for(
    program, single_cells: Path, fields: Path
) -> None:
    assert "whole field" not in program("classify", single_cells).stderr
    told = program("classify", *sorted(fields.glob("*.png")))
    assert told.returncode == 0
    assert "3 of 3 pictures look like whole fields" in told.stderr
    assert "field1.png looks like a whole field" in program("classify", fields / "field1.png").stderr
    assert "hemato-edge analyze" in told.stderr


def test_hidden_leftovers_in_a_folder_are_no_pictures(program, single_cells: Path, tmp_path: Path) -> None:
    for picture in single_cells.glob("*.png"):
        (tmp_path / picture.name).write_bytes(picture.read_bytes())
    (tmp_path / "._monocyte.png").write_bytes(b"\x00\x05\x16\x07Mac OS X")
    done = program("classify", tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4  # with the notice


def test_a_picture_through_an_eyepiece_says_what_of_it_is_slide(program, tmp_path: Path) -> None:
    image = draw_field(1)[0]
    inside = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(inside, (320, 240), 235, 1, -1)
    image[inside == 0] = 0
    cv2.imwrite(str(tmp_path / "round.png"), image)
    done = program("analyze", tmp_path / "round.png")
    assert "the round rim of an eyepiece)" in done.stdout


@pytest.mark.parametrize(
    ("faulty", "options", "told"),
    [
        (lambda one: 255 - one, (), "1 of 2 (negative); their cells have no names"),
        (lambda one: 255 - one, ("--name-blurred",), "1 of 2 (negative); `run` would leave them out"),
        (lambda one: (one * 0.1).astype(np.uint8), (), "1 of 2 (too dark); `run` would leave them out"),
        (lambda one: one[:, ::-1].copy(), (), ""),
    ],
)
def test_what_is_wrong_with_a_picture_is_told_with_what_to_do(
    program, tmp_path: Path, faulty, options: tuple[str, ...], told: str
) -> None:
    image = draw_field(1)[0]
    cv2.imwrite(str(tmp_path / "good.png"), image)
    cv2.imwrite(str(tmp_path / "other.png"), faulty(image))
    done = program("analyze", tmp_path / "good.png", tmp_path / "other.png", *options)
    assert done.returncode == 0, done.stderr
    assert (told in done.stderr) if told else ("insufficient quality" not in done.stderr)


def test_a_blurred_cell_without_a_name_is_told_with_what_to_do(program, single_cells: Path, tmp_path: Path) -> None:
    for picture in single_cells.glob("*.png"):
        cv2.imwrite(str(tmp_path / picture.name), 255 - cv2.imread(str(picture)))
    done = program("classify", tmp_path)
    assert "3 of 3 (negative); their cells have no names" in done.stderr
