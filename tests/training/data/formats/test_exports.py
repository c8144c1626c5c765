"""Folders as five annotation tools and spreadsheets write them; each test draws its own."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from training.drawn_blood import draw_picture

from hemato_edge.errors import DataError
from hemato_edge.labels import KINDS, PLATELET, RBC, WBC
from hemato_training.data.field_sets import load_fields
from hemato_training.data.formats.folders import read_folder
from hemato_training.data.formats.number_names import is_plain_list, numbered
from hemato_training.data.formats.reading import Reading
from hemato_training.data.splitting.check import ERROR, check
from hemato_training.data.splitting.split import split_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hemato_training.data.formats.picture_set import PictureSet

WIDTH, HEIGHT = 100, 80
NAMES = ("Platelets", "RBC", "WBC")
ROWS = "2 0.5 0.5 0.2 0.25\n0 0.1 0.1 0.1 0.1\n"
"""A white cell at 40 30 60 50 and a platelet at 5 4 15 12."""
BOXES = {(WBC, (40, 30, 60, 50)), (PLATELET, (5, 4, 15, 12))}
COCO_BOXES = [(2, [40, 30, 20, 20]), (0, [5, 4, 10, 8])]


def put(path: Path, seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), draw_picture("neutrophil", width, height, np.random.default_rng(seed))[0])


def write(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def drawn(found: PictureSet, which: int = 0) -> set[tuple[int, tuple[int, ...]]]:
    picture = found.pictures[which]
    assert not picture.fault
    assert picture.boxes is not None
    sides = [tuple(round(float(side)) for side in box) for box in picture.boxes.xyxy]
    return set(zip(picture.boxes.kinds.tolist(), sides, strict=True))


def labelimg_yolo(folder: Path) -> None:
    put(folder / "f0.jpg")
    write(folder / "f0.txt", ROWS)
    write(folder / "classes.txt", "\r\n".join(NAMES) + "\r\n", "utf-8-sig")


def labelimg_voc(folder: Path) -> None:
    put(folder / "f0.jpg")
    write(folder / "f0.xml", voc((WIDTH, HEIGHT), path="C:\\Users\\me\\f0.jpg"))


def cvat_yolo(folder: Path) -> None:
    put(folder / "obj_train_data" / "f0.jpg")
    write(folder / "obj_train_data" / "f0.txt", ROWS)
    write(folder / "obj.names", "\n".join(NAMES))
    write(folder / "obj.data", "classes = 3\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    write(folder / "train.txt", "data/obj_train_data/f0.jpg\n")


def cvat_ultralytics(folder: Path) -> None:
    put(folder / "images" / "train" / "f0.jpg")
    write(folder / "labels" / "train" / "f0.txt", ROWS)
    write(folder / "data.yaml", "names:\n  0: Platelets\n  1: RBC\n  2: WBC\npath: .\ntrain: train.txt\n")
    write(folder / "train.txt", "data/images/train/f0.jpg\n")


def cvat_voc(folder: Path) -> None:
    put(folder / "JPEGImages" / "f0.jpg")
    write(folder / "Annotations" / "f0.xml", voc((WIDTH, HEIGHT)))
    write(folder / "labelmap.txt", "# label:color_rgb:parts:actions\nWBC:1,2,3::\n")
    write(folder / "ImageSets" / "Main" / "default.txt", "f0\n")


def cvat_coco(folder: Path) -> None:
    put(folder / "images" / "f0.jpg")
    write(folder / "annotations" / "instances_default.json", coco("f0.jpg", first=1))


def roboflow_yolo(folder: Path) -> None:
    put(folder / "train" / "images" / "f0_jpg.rf.0a1b.jpg")
    write(folder / "train" / "labels" / "f0_jpg.rf.0a1b.txt", ROWS)
    yaml = "train: ../train/images\nval: ../valid/images\n\nnc: 3\nnames: ['Platelets', 'RBC', 'WBC']\n"
    write(folder / "data.yaml", yaml + "\nroboflow:\n  workspace: x\n")
    write(folder / "README.dataset.txt", "cells > 2026-01-01\n")


def roboflow_darknet(folder: Path) -> None:
    put(folder / "train" / "f0_jpg.rf.0a1b.jpg")
    write(folder / "train" / "f0_jpg.rf.0a1b.txt", ROWS)
    write(folder / "train" / "_darknet.labels", "\n".join(NAMES))


def roboflow_coco(folder: Path) -> None:
    put(folder / "train" / "f0.jpg")
    value = json.loads(coco("f0.jpg", first=1))
    value["categories"].insert(0, {"id": 0, "name": "blood-cells", "supercategory": "none"})
    write(folder / "train" / "_annotations.coco.json", json.dumps(value))


def roboflow_table(folder: Path) -> None:
    put(folder / "train" / "f0.jpg")
    rows = [f"f0.jpg,{WIDTH},{HEIGHT},WBC,40,30,60,50", f"f0.jpg,{WIDTH},{HEIGHT},Platelets,5,4,15,12"]
    header = "filename,width,height,class,xmin,ymin,xmax,ymax"
    write(folder / "train" / "_annotations.csv", "\n".join([header, *rows]))


def label_studio_yolo(folder: Path) -> None:
    put(folder / "images" / "1a2b-f0.jpg")
    write(folder / "labels" / "1a2b-f0.txt", ROWS)
    entries = [{"id": number, "name": name} for number, name in enumerate(NAMES)]
    write(folder / "notes.json", json.dumps({"categories": entries, "info": {"contributor": "Label Studio"}}))


def label_studio_coco(folder: Path) -> None:
    put(folder / "images" / "1a2b-f 0.jpg")
    write(folder / "result.json", coco("..\\..\\media\\upload\\3\\1a2b-f%200.jpg"), "utf-8-sig")


def darknet(folder: Path) -> None:
    put(folder / "data" / "obj" / "f0.jpg")
    write(folder / "data" / "obj" / "f0.txt", ROWS)
    write(folder / "data" / "blood.names", "\n".join(NAMES), "utf-16")
    write(folder / "data" / "obj.data", "classes=3\nnames = data/blood.names\n")
    write(folder / "data" / "train.txt", "build\\darknet\\x64\\data\\obj\\f0.jpg\n")


def ultralytics_segments(folder: Path) -> None:
    put(folder / "images" / "f0.jpg")
    write(folder / "labels" / "f0.txt", "2 0.4 0.5 0.5 0.375 0.6 0.5 0.5 0.625\n0 0.05 0.05 0.15 0.15 0.05 0.15\n")
    write(folder / "blood.yaml", "names: {0: Platelets, 1: RBC, 2: WBC}\n")


def ultralytics_turned(folder: Path) -> None:
    put(folder / "images" / "f0.jpg")
    corners = "0.4 0.375 0.6 0.375 0.6 0.625 0.4 0.625"
    write(folder / "labels" / "f0.txt", f"2 {corners}\n0 0.05 0.05 0.15 0.05 0.15 0.15 0.05 0.15\n")
    write(folder / "dataset.yml", "names:\n- Platelets\n- RBC\n- WBC\n")


def with_confidences(folder: Path) -> None:
    put(folder / "images" / "f0.jpg")
    write(folder / "labels" / "f0.txt", "".join(f"{row} 0.93\n" for row in ROWS.splitlines()))
    write(folder / "data.yaml", "names: [Platelets, RBC, WBC]\n")


def with_keypoints(folder: Path) -> None:
    put(folder / "images" / "f0.jpg")
    write(folder / "labels" / "f0.txt", "".join(f"{row} 0.5 0.9 2\n" for row in ROWS.splitlines()))
    write(folder / "data.yaml", "kpt_shape: [1, 3]\nnames: [Platelets, RBC, WBC]\n")


def numbers_from_one(folder: Path) -> None:
    put(folder / "images" / "f0.jpg")
    write(folder / "labels" / "f0.txt", "3 0.5 0.5 0.2 0.25\n1 0.1 0.1 0.1 0.1\n")
    write(folder / "data.yaml", "names:\n  '1': Platelets\n  '2': RBC\n  '3': WBC\n")


def labels_elsewhere(folder: Path) -> None:
    put(folder / "pictures" / "f0.jpg")
    write(folder / "txt" / "f0.txt", ROWS, "utf-8-sig")
    write(folder / "classes.txt", "0: Platelets\n1: RBC\n2: WBC\n")


def headless_table(folder: Path) -> None:
    put(folder / "images" / "f0.jpg")
    rows = ["D:\\slides\\images\\f0.jpg;40;30;60;50;WBC", "D:\\slides\\images\\f0.jpg;5;4;15;12;Platelets"]
    write(folder / "boxes.csv", "\r\n".join(rows), "utf-16")


TOOLS: tuple[Callable[[Path], None], ...] = (
    labelimg_yolo,
    labelimg_voc,
    cvat_yolo,
    cvat_ultralytics,
    cvat_voc,
    cvat_coco,
    roboflow_yolo,
    roboflow_darknet,
    roboflow_coco,
    roboflow_table,
    label_studio_yolo,
    label_studio_coco,
    darknet,
    ultralytics_segments,
    ultralytics_turned,
    with_confidences,
    with_keypoints,
    numbers_from_one,
    labels_elsewhere,
    headless_table,
)


def voc(size: tuple[int, int] | None, path: str = "", factor: float = 1) -> str:
    sides = "" if size is None else f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    objects = ""
    for kind, box in BOXES:
        corners = zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)
        inner = "".join(f"<{name}>{side * factor}</{name}>" for name, side in corners)
        objects += f"<object><name>{KINDS[kind]}</name><pose>x</pose><bndbox>{inner}</bndbox></object>"
    return f"<annotation><filename>f0.jpg</filename><path>{path}</path>{sides}{objects}</annotation>"


def coco(name: str, first: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    return json.dumps(
        {
            "images": [{"id": 7, "file_name": name, "width": size[0], "height": size[1]}],
            "categories": [{"id": first + number, "name": one} for number, one in enumerate(NAMES)],
            "annotations": [
                {"id": n, "image_id": 7, "category_id": first + kind, "bbox": box, "segmentation": []}
                for n, (kind, box) in enumerate(COCO_BOXES)
            ],
        },
        indent=1,
    )


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_every_tool_says_the_same(tmp_path: Path, tool: Callable[[Path], None]) -> None:
    tool(tmp_path)
    found = read_folder(tmp_path)
    assert len(found.pictures) == 1
    assert drawn(found) == BOXES
    assert check(tmp_path).errors == 0


@pytest.mark.parametrize("tool", [cvat_yolo, cvat_ultralytics, roboflow_yolo, roboflow_coco, roboflow_table, darknet])
def test_the_split_is_where_the_tool_puts_it(tmp_path: Path, tool: Callable[[Path], None]) -> None:
    tool(tmp_path)
    assert [picture.split for picture in read_folder(tmp_path).pictures] == ["train"]


def test_names_of_a_parent(tmp_path: Path) -> None:
    roboflow_yolo(tmp_path)
    assert drawn(read_folder(tmp_path / "train")) == BOXES


def test_numbers_without_names_are_never_guessed(tmp_path: Path) -> None:
    put(tmp_path / "set" / "images" / "f0.jpg")
    write(tmp_path / "set" / "labels" / "f0.txt", ROWS)
    with pytest.raises(DataError, match="class numbers .* have no names") as caught:
        read_folder(tmp_path / "set")
    assert "--names" in caught.value.fix
    assert drawn(read_folder(tmp_path / "set", Reading(names=dict(enumerate(NAMES))))) == BOXES


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.yaml", "names: [Platelets, RBC, WBC]\n"),
        ("classes.txt", "Platelets\nRBC\nWBC\n"),
        ("names.json", '["Platelets", "RBC", "WBC"]'),
        ("", "Platelets,RBC,WBC"),
    ],
)
def test_a_list_may_begin_at_one_where_nothing_has_the_number_0(tmp_path: Path, file: str, text: str) -> None:
    put(tmp_path / "images" / "f0.jpg")
    labels = tmp_path / "labels" / "f0.txt"
    write(labels, "2 0.5 0.5 0.2 0.25\n1 0.1 0.1 0.1 0.1\n")
    reading = Reading() if file else Reading(names=numbered(text), listed=is_plain_list(text))
    if file:
        write(tmp_path / file, text)
    with pytest.raises(DataError, match="may begin at 0 or at 1") as caught:
        read_folder(tmp_path, reading)
    for first, kinds in ((0, [WBC, RBC]), (1, [RBC, PLATELET])):
        said = ",".join(f"{first + number}={name}" for number, name in enumerate(NAMES))
        assert f"--names {said}" in caught.value.fix
        boxes = read_folder(tmp_path, Reading(names=numbered(said), listed=is_plain_list(said))).pictures[0].boxes
        assert boxes is not None
        assert boxes.kinds.tolist() == kinds
    write(labels, "3 0.5 0.5 0.2 0.25\n1 0.1 0.1 0.1 0.1\n")  # no name of three
    assert "--names 1=Platelets,2=RBC,3=WBC" in read_folder(tmp_path, reading).pictures[0].fault
    write(labels, ROWS)
    assert drawn(read_folder(tmp_path, reading)) == BOXES


def test_a_table_of_numbers_may_begin_at_one_as_well(tmp_path: Path) -> None:
    put(tmp_path / "f0.jpg")
    write(tmp_path / "table.csv", "filename,class\nf0.jpg,1\n")
    write(tmp_path / "classes.txt", "neutrophil\nmonocyte\n")
    with pytest.raises(DataError, match="may begin at 0 or at 1"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("labels/classes.txt", "RBC\nWBC\nPlatelets\n", "different names"),
        ("data.yaml", "names: [Platelets, RBC, WBC]\nnc: 2\n", "2 classes, and names 3"),
        ("data.yaml", "nc: 3\nnames: [Platelets, RBC\n", "cannot be read: line 3: expected"),
        ("data.yaml", "nc: 3\n\tnames: [a]\n", "cannot be read: line 2: found character"),
        ("notes.json", '{"categories": [{"id": 0}]}', "lacks its id or its name"),
        ("notes.json", '{"categories": ', "no JSON: Expecting value: line 1"),
        ("data.yaml", "names: other.txt\n", "not there"),
    ],
)
def test_names_that_cannot_be_believed(tmp_path: Path, file: str, text: str, message: str) -> None:
    put(tmp_path / "images" / "f0.jpg")
    write(tmp_path / "labels" / "f0.txt", ROWS)
    if "different" in message:
        write(tmp_path / "data.yaml", "names: [Platelets, RBC, WBC]\n")
    write(tmp_path / file, text)
    with pytest.raises(DataError, match=message) as caught:
        read_folder(tmp_path)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("2 40 30 60 50", "share of the picture"),
        ("2 0.5 0.5 1.2 0.2", "has 1.2 where a share"),
        ("2 0.5 -0.1 0.2 0.2", "has -0.1 where a share"),
        ("2 0.5 nan 0.2 0.2", "share of the picture"),
        ("2 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "8 columns"),
        ("2 0.1 0.1 0.2", "4 columns"),
        ("1.5 0.5 0.5 0.2 0.2", "class number 1.5"),
        ("3 0.5 0.5 0.2 0.2", "class number 3; named are 0 "),
        ("WBC 0.5 0.5 0.2 0.2", "no box"),
    ],
)
def test_a_row_that_is_no_box_is_an_error(tmp_path: Path, row: str, fault: str) -> None:
    put(tmp_path / "images" / "f0.jpg")
    write(tmp_path / "labels" / "f0.txt", row + "\n")
    write(tmp_path / "classes.txt", "\n".join(NAMES))
    (picture,) = read_folder(tmp_path).pictures
    assert fault in picture.fault
    assert picture.boxes is None


@pytest.mark.parametrize(("factor", "rounded"), [(2, 0), (0.5, 0), (3.2, 1)])
def test_boxes_for_another_size_are_scaled(tmp_path: Path, factor: float, rounded: int) -> None:
    size = (round(WIDTH * factor), round(HEIGHT * factor) + rounded)
    put(tmp_path / "voc" / "f0.jpg")
    write(tmp_path / "voc" / "f0.xml", voc(size, factor=factor))
    assert drawn(read_folder(tmp_path / "voc")) == BOXES
    assert "scaled_boxes" in {finding.code for finding in check(tmp_path / "voc").findings}
    put(tmp_path / "coco" / "f0.jpg", 0, round(WIDTH * factor), round(HEIGHT * factor))
    write(tmp_path / "coco" / "all.json", coco("f0.jpg"))
    scaled = {(kind, tuple(round(side * factor) for side in box)) for kind, box in BOXES}
    found = drawn(read_folder(tmp_path / "coco"))
    assert {kind for kind, _ in found} == {kind for kind, _ in scaled}
    assert np.allclose(sorted(box for _, box in found), sorted(box for _, box in scaled), atol=1)


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (WIDTH, WIDTH), (160, 90)])
def test_boxes_for_a_picture_of_another_shape_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    for name, text in (("f0.xml", voc(size)), ("all.json", coco("f0.jpg", size=size))):
        folder = tmp_path / name
        put(folder / "f0.jpg")
        write(folder / name, text)
        (picture,) = read_folder(folder).pictures
        assert "pixels, but it has 100×80" in picture.fault
        assert [f.code for f in check(folder).findings if f.level == ERROR] == ["unusable"]


@pytest.mark.parametrize("size", [None, (0, 0)])
def test_a_size_that_is_not_said_is_not_checked(tmp_path: Path, size: tuple[int, int] | None) -> None:
    put(tmp_path / "f0.jpg")
    write(tmp_path / "f0.xml", voc(size))
    assert drawn(read_folder(tmp_path)) == BOXES


@pytest.mark.parametrize("size", [None, (0, 0), (WIDTH, HEIGHT)])
def test_boxes_of_a_larger_picture_that_is_not_said_are_refused(tmp_path: Path, size: tuple[int, int] | None) -> None:
    for number in range(20):
        put(tmp_path / f"f{number}.jpg", number)
        write(tmp_path / f"f{number}.xml", voc(size, factor=2.5 if number < 2 else 1))
    with pytest.raises(DataError, match=r"2 of 20 pictures .* 1\.\d times as far") as caught:
        read_folder(tmp_path)
    assert "<size>" in caught.value.fix
    write(tmp_path / "f1.xml", voc(size))  # one picture of twenty: a slip, told for what it is
    found = read_folder(tmp_path)
    assert [picture.name for picture in found.pictures if "outside of its picture" in picture.fault] == ["f0.jpg"]


def test_a_turned_phone_picture_is_measured_as_it_is_seen(tmp_path: Path) -> None:
    put(tmp_path / "f0.jpg", 0, HEIGHT, WIDTH)
    jpeg = (tmp_path / "f0.jpg").read_bytes()
    tiff = b"MM\x00*\x00\x00\x00\x08" + b"\x00\x01" + b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00" + b"\0" * 4
    exif = b"Exif\0\0" + tiff
    (tmp_path / "f0.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    write(tmp_path / "f0.xml", voc((WIDTH, HEIGHT)))
    assert drawn(read_folder(tmp_path)) == BOXES


def test_ignore_holds_for_boxes_and_training_remembers_it(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    for i in range(6):
        put(folder / "images" / f"f{i}.jpg", i)
        write(folder / "labels" / f"f{i}.txt", ROWS + "3 0.8 0.8 0.1 0.1\n1 0.8 0.2 0.1 0.1\n")
    write(folder / "data.yaml", "names: [Platelets, RBC, WBC, Artifact, unused]\n")
    with pytest.raises(DataError, match="'Artifact'") as caught:
        read_folder(folder)
    assert "--ignore 'Artifact'" in caught.value.fix
    reading = Reading(ignore=("artifact",))
    found = read_folder(folder, reading)
    assert drawn(found) == {*BOXES, (RBC, (75, 12, 85, 20))}
    assert found.ignored == 6
    split_folder(folder, {"val": 0.3}, reading=reading)
    fields = load_fields(tmp_path, ["own"])
    assert {len(field.boxes.kinds) for field in fields} == {3}


def test_coco_of_several_splits_in_one_folder(tmp_path: Path) -> None:
    for i, split in enumerate(("train", "val")):
        put(tmp_path / "images" / f"f{i}.jpg", i)
        write(tmp_path / "annotations" / f"instances_{split}2017.json", coco(f"f{i}.jpg"))
    assert [picture.split for picture in read_folder(tmp_path).pictures] == ["train", "val"]


def test_coco_names_a_picture_that_is_not_there(tmp_path: Path) -> None:
    put(tmp_path / "g.jpg")
    write(tmp_path / "all.json", coco("f0.jpg"))
    found = read_folder(tmp_path)
    assert [picture.fault for picture in found.pictures] == ["it is named but not there"]
    assert found.unlisted == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v["annotations"][0].update(category_id=9), "category 9"),
        (lambda v: v["annotations"][0].update(bbox=[], segmentation={"counts": []}), "neither bbox nor polygon"),
        (lambda v: v["images"][0].pop("file_name"), "file_name"),
        (lambda v: v["annotations"][1].update(image_id=8), "boxes of pictures that it does not list, such as the id 8"),
        (
            lambda v: v["images"].append({**v["images"][0], "file_name": "other.jpg"}),
            "the id 7 to more than one picture",
        ),
    ],
)
def test_broken_coco(tmp_path: Path, change: Callable, message: str) -> None:
    put(tmp_path / "f0.jpg")
    value = json.loads(coco("f0.jpg"))
    change(value)
    write(tmp_path / "all.json", json.dumps(value))
    with pytest.raises(DataError, match=message):
        read_folder(tmp_path)


@pytest.mark.parametrize("convert", [str, float])
def test_coco_ids_are_matched_whatever_type_they_are_written_in(tmp_path: Path, convert: Callable) -> None:
    put(tmp_path / "f0.jpg")
    value = json.loads(coco("f0.jpg"))
    value["images"][0]["id"] = convert(value["images"][0]["id"])
    write(tmp_path / "all.json", json.dumps(value))
    assert drawn(read_folder(tmp_path)) == BOXES


def test_coco_polygons_without_box(tmp_path: Path) -> None:
    put(tmp_path / "f0.jpg")
    value = json.loads(coco("f0.jpg"))
    value["annotations"] = [
        {"image_id": 7, "category_id": 2, "segmentation": [[40, 30, 60, 30, 60, 40], [50, 50, 40, 40, 50, 45]]},
        {"image_id": 7, "category_id": 0, "bbox": [5, 4, 10, 8]},
    ]
    write(tmp_path / "all.json", json.dumps(value))
    assert drawn(read_folder(tmp_path)) == BOXES


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "  "])
def test_tables_of_any_make(tmp_path: Path, separator: str, encoding: str) -> None:
    for i, name in enumerate(("a.jpg", "b.jpg", "c.JPG")):
        put(tmp_path / "images" / name, i)
    lines = [("filename", "class"), ("C:\\Proben\\images\\a.jpg", "Neutrophil"), ("images/b.jpg", "LY"), ("c", "eos")]
    if separator != "  ":
        lines = [("Größe", *line) if i == 0 else ("3 µm", *line) for i, line in enumerate(lines)]
    write(tmp_path / "labels.csv", "\r\n".join(separator.join(line) for line in lines), encoding)
    found = read_folder(tmp_path)
    assert found.layout == "table"
    assert {p.name: p.cells[0].label for p in found.pictures} == {
        "images/a.jpg": "neutrophil",
        "images/b.jpg": "lymphocyte",
        "images/c.JPG": "eosinophil",
    }


@pytest.mark.parametrize(
    "text",
    [
        "a.jpg,neutrophil\nb.jpg,monocyte\n",
        "sep=;\nimage_id;cell type\na;neutrophil\nb;monocyte\n",
        "filename, neutrophil, monocyte\na.jpg, 1, 0\nb.jpg, 0, 1\n",
        'id,image,choice\n1,"/data/upload/1/a.jpg",neutrophil\n2,"/data/upload/1/b.jpg",monocyte\n',
    ],
)
def test_tables_by_their_columns(tmp_path: Path, text: str) -> None:
    for name in "ab":
        put(tmp_path / f"{name}.jpg", ord(name))
    write(tmp_path / "labels.txt", text)
    assert [p.cells[0].label for p in read_folder(tmp_path).pictures] == ["neutrophil", "monocyte"]


def test_a_table_with_numbers_needs_names(tmp_path: Path) -> None:
    put(tmp_path / "set" / "a.jpg")
    write(tmp_path / "set" / "labels.csv", "filename,class\na.jpg,2\n")
    with pytest.raises(DataError, match="numbers, without names"):
        read_folder(tmp_path / "set")
    write(tmp_path / "set" / "classes.txt", "1 neutrophil\n2 monocyte\n")
    assert read_folder(tmp_path / "set").pictures[0].cells[0].label == "monocyte"


def test_what_a_table_cannot_say(tmp_path: Path) -> None:
    for name in "ab":
        put(tmp_path / f"{name}.jpg", ord(name))
    write(tmp_path / "t.csv", "filename,class,patient\na.jpg,neutrophil,1\nz.jpg,monocyte,2\na.jpg,smudge,1\n")
    with pytest.raises(DataError, match="'smudge' is none"):
        read_folder(tmp_path)
    found = read_folder(tmp_path, Reading(ignore=("Smudge",)))
    assert [(p.name, p.group, bool(p.fault)) for p in found.pictures] == [("a.jpg", "1", False), ("z.jpg", "2", True)]
    assert (found.ignored, found.unlisted, found.group_column) == (1, 1, "patient")
    write(tmp_path / "t.csv", "filename,class\na.jpg,neutrophil\na.jpg,monocyte\n")
    with pytest.raises(DataError, match="two classes"):
        read_folder(tmp_path)


def test_an_index_that_a_spreadsheet_saved(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.jpg")
    write(tmp_path / "index.csv", "image;label;split\r\nimages\\a.jpg;Neutrophil;train\r\n", "utf-16")
    (picture,) = read_folder(tmp_path).pictures
    assert (picture.fault, picture.split, picture.cells[0].label) == ("", "train", "neutrophil")


def test_a_mark_before_every_kind_of_text(tmp_path: Path) -> None:
    roboflow_yolo(tmp_path)
    for path in (*tmp_path.rglob("*.txt"), *tmp_path.rglob("*.yaml")):
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert drawn(read_folder(tmp_path)) == BOXES
