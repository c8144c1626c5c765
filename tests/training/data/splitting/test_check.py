from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from training.drawn_blood import draw_data, draw_picture, read_rows, write_index, write_voc

from hemato_training.data.splitting.check import ERROR, NOTE, WARNING, check
from hemato_training.data.splitting.duplicates import fingerprint, near_copies
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data(tmp_path_factory.mktemp("drawn") / "data", train=2, val=1)


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "data"))


def codes(folder: Path) -> dict[str, tuple[str, int]]:
    return {finding.code: (finding.level, finding.count) for finding in check(folder).findings}


def test_contents(data: Path) -> None:
    report = check(data / "pbc")
    assert {name: held.pictures for name, held in report.splits.items()} == {"train": 16, "val": 8}
    assert report.splits["train"].cells["platelet"] == 2
    assert report.sizes == {"150x150": 24}
    assert report.errors == 0
    assert check(data / "bccd").splits["val"].boxes == {"wbc": 4, "rbc": 0, "platelet": 0}


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "saved anew": lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1),
    "smaller": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "darker": lambda p: cv2.convertScaleAbs(p, alpha=0.8, beta=-10),
    "mirrored": lambda p: p[:, ::-1],
    "turned": lambda p: np.rot90(p),
    "turned and mirrored": lambda p: np.rot90(p)[:, ::-1],
    "shifted": lambda p: p[3:, 3:],
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_copy_is_known_again(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(3)
    for i, label in enumerate(("neutrophil", "lymphocyte", "neutrophil", "monocyte")):
        cv2.imwrite(str(tmp_path / f"{i}.png"), draw_picture(label, 200, 160, rng)[0])
    cv2.imwrite(str(tmp_path / "4.png"), CHANGES[name](cv2.imread(str(tmp_path / "1.png"))))
    prints = [fingerprint(tmp_path / f"{i}.png") for i in range(5)]
    assert [(pair.first, pair.second) for pair in near_copies(prints, Silent())] == [(1, 4)]


def test_leaks_are_errors(data: Path) -> None:
    pbc = data / "pbc"
    shutil.copy(pbc / "basophil/BAS_0.png", pbc / "basophil/BAS_2.png")  # train = val
    near = cv2.imread(str(pbc / "monocyte/MON_1.png"))[:, ::-1]
    cv2.imwrite(str(pbc / "monocyte/MON_2.png"), near)
    found = codes(pbc)
    assert found["copies_across_splits"] == (ERROR, 1)
    assert found["near_copies_across_splits"] == (ERROR, 1)


def test_one_picture_under_two_labels(data: Path) -> None:
    pbc = data / "pbc"
    shutil.copy(pbc / "basophil/BAS_0.png", pbc / "neutrophil/NEU_0.png")
    assert codes(pbc)["copies_of_two_labels"] == (WARNING, 1)


def test_a_torn_group(data: Path) -> None:
    header, *rows = read_rows(data / "bccd")
    write_index(data / "bccd", tuple(header), [(row[0], "7", *row[2:]) for row in rows])
    (torn,) = [f for f in check(data / "bccd").findings if f.code == "groups_across_splits"]
    assert (torn.level, torn.examples) == (ERROR, ("field 7: train, val",))


@pytest.mark.parametrize(
    ("break_it", "code", "fault"),
    [
        (lambda p: p.write_bytes(b""), "unreadable", "empty"),
        (lambda p: p.write_bytes(b"no picture"), "unreadable", "decoded"),
        (lambda p: p.write_bytes(p.read_bytes()[:-3000]), "unreadable", "cut off|decoded"),
        (lambda p: p.unlink(), "unusable", "not there"),
    ],
)
def test_bad_files(data: Path, break_it: Callable, code: str, fault: str) -> None:
    break_it(data / "pbc" / "basophil" / "BAS_0.png")
    (finding,) = [f for f in check(data / "pbc").findings if f.level == ERROR]
    assert finding.code == code
    import re

    assert re.search(fault, finding.examples[0])


def test_a_cut_off_jpeg_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), draw_picture("monocyte", 200, 200, np.random.default_rng(1))[0])
    assert fingerprint(path).fault == ""
    path.write_bytes(path.read_bytes()[:-2000])
    assert fingerprint(path).fault


def test_a_phones_jpeg_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), draw_picture("monocyte", 200, 200, np.random.default_rng(1))[0])
    path.write_bytes(path.read_bytes() + bytes(range(256)) * 40)
    assert fingerprint(path).fault == ""


def test_a_stack_of_pictures_is_refused(tmp_path: Path) -> None:
    pages = [draw_picture("monocyte", 200, 200, np.random.default_rng(i))[0] for i in range(3)]
    cv2.imwritemulti(str(tmp_path / "a.tif"), pages)
    assert "3 pictures" in fingerprint(tmp_path / "a.tif").fault
    cv2.imwritemulti(str(tmp_path / "a.tif"), pages[:1])
    assert fingerprint(tmp_path / "a.tif").fault == ""


def test_faults_of_boxes(data: Path) -> None:
    bccd = data / "bccd"
    whole = [("WBC", (10, 10, 60, 60)), *[("RBC", (10 * i, 80, 10 * i + 9, 90)) for i in range(5)]]
    boxes = [whole, whole[:3], whole[:1], [*whole, ("RBC", (250, 10, 310, 40))], whole[1:]]
    for path, drawn in zip(sorted((bccd / "annotations").iterdir()), boxes, strict=False):
        write_voc(path, drawn)
    rest = sorted((bccd / "annotations").iterdir())[5:]
    for path in rest:
        write_voc(path, [*whole, ("WBC", (5, 5, 5, 9))])
    write_voc(rest[0], [*whole, ("WBC", (5, 5, 5, 9)), ("RBC", (70, 70, 60, 60))])
    found = codes(bccd)
    assert found["turned_boxes"] == (NOTE, 1)
    assert found["few_rbc_boxes"] == (WARNING, 1)
    assert found["no_rbc_box"] == (WARNING, 1)
    assert found["boxes_outside"] == (WARNING, 1)
    assert found["degenerate_boxes"] == (WARNING, len(rest))
    assert found["no_wbc_box"][1] == 1


@pytest.mark.slow
def test_the_known_faults_of_bccd(shared_data: Path) -> None:
    """Of the 283 fields that are not kept back: 12 + 3 of the 19 with 3 red-cell boxes at most, and both flat boxes."""
    report = check(shared_data / "bccd")
    found = {f.code: f.count for f in report.findings}
    assert (found["no_rbc_box"], found["few_rbc_boxes"], found["degenerate_boxes"]) == (12, 3, 2)
    assert found["near_copies"] == 1
    assert report.errors == 0
