"""Augmented sets: drawn fields of which the originals are known."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from training.drawn_blood import read_rows
from training.drawn_fields import draw_one

from hemato_edge.errors import DataError
from hemato_training.data.splitting.check import ERROR, WARNING, check
from hemato_training.data.splitting.sisters import find_sisters, originals_of, pairs_of
from hemato_training.data.splitting.split import split_folder
from hemato_training.progress import Silent

ORIGINALS, COPIES = 8, 5


def field(seed: int) -> np.ndarray:
    """A drawn field with the grain of a real smear: no two spots are alike."""
    rng = np.random.default_rng(seed)
    picture = cv2.resize(draw_one(rng)[0], (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain = cv2.resize(rng.normal(0, 1, (60, 80, 3)).astype(np.float32), (640, 480), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture + 14 * grain, 0, 255).astype(np.uint8)


def copy_of(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned, zoomed, shifted and perhaps mirrored, at half the size, as Keras's generator does it."""
    angle, zoom = rng.uniform(0, 360), rng.uniform(0.45, 0.65)
    turn = cv2.getRotationMatrix2D((320, 240), angle, zoom)
    turn[:, 2] += np.array([160, 120]) - (320, 240) + rng.uniform(-20, 20, 2)
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    border = int(rng.choice([cv2.BORDER_CONSTANT, cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT]))
    return cv2.warpAffine(picture, turn, (320, 240), borderMode=border)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`COPIES` copies of each of `ORIGINALS` fields, the last two originals under TEST."""
    folder = tmp_path_factory.mktemp("drawn") / "augmented"
    rng = np.random.default_rng(4)
    for original in range(ORIGINALS):
        name = "TRAIN" if original < ORIGINALS - 2 else "TEST"
        own = folder / name / ("NEUTROPHIL", "EOSINOPHIL")[original % 2]
        own.mkdir(parents=True, exist_ok=True)
        picture = field(original)
        for copy in range(COPIES):
            cv2.imwrite(str(own / f"_{copy}_{original}.jpeg"), copy_of(picture, rng))
    return folder


@pytest.fixture
def augmented(drawn: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn, tmp_path / "data" / "augmented"))


def original_of(path: Path | str) -> str:
    return Path(path).stem.split("_")[-1]


def test_sisters_are_found_and_nothing_else(drawn: Path) -> None:
    paths = sorted(drawn.rglob("*.jpeg"))
    groups = find_sisters(paths, Silent())
    for group in groups:
        assert len({original_of(paths[i]) for i in group}) == 1
    assert len(pairs_of(groups)) >= 0.95 * ORIGINALS * COPIES * (COPIES - 1) / 2


def test_fields_that_have_nothing_in_common(tmp_path: Path) -> None:
    for seed in range(30):
        cv2.imwrite(str(tmp_path / f"{seed}.png"), field(seed))
    assert find_sisters(sorted(tmp_path.iterdir()), Silent()) == []


@pytest.mark.parametrize("pictures", [0, 1])
def test_a_picture_alone_has_no_sisters(drawn: Path, pictures: int) -> None:
    assert find_sisters(sorted(drawn.rglob("*.jpeg"))[:pictures], Silent()) == []


def test_a_scale_bar_makes_no_sisters(tmp_path: Path) -> None:
    for seed in range(12):
        picture = field(seed)
        cv2.putText(picture, "20 um", (420, 460), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 4)
        cv2.imwrite(str(tmp_path / f"{seed}.png"), picture)
    assert find_sisters(sorted(tmp_path.iterdir()), Silent()) == []


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    cv2.imwrite(str(tmp_path / "b.png"), np.full((40, 40, 3), 200, np.uint8))
    assert find_sisters([tmp_path / "a.png", tmp_path / "b.png", tmp_path / "none.png"], Silent()) == []


def test_check_says_augmented_set(augmented: Path) -> None:
    report = check(augmented)
    found = {finding.code: finding for finding in report.findings}
    assert found["augmented_set"].level == WARNING
    assert f"about {originals_of(ORIGINALS * COPIES, report.sisters)} originals" in found["augmented_set"].message  # type: ignore[arg-type]
    assert found["sisters"].count >= 0.95 * ORIGINALS * COPIES * (COPIES - 1) / 2
    assert "sisters_across_splits" not in found
    first = next(augmented.glob("TRAIN/*/*_0.jpeg"))
    first.rename(augmented / "TEST" / first.parent.name / first.name)
    torn = {finding.code: finding for finding in check(augmented).findings}["sisters_across_splits"]
    assert (torn.level, torn.count) == (ERROR, COPIES - 1)


def test_split_keeps_test_and_carves_val_by_original(augmented: Path) -> None:
    division = split_folder(augmented, {"val": 0.34})
    assert (division.kept, division.originals) == (("test", "train"), ORIGINALS)
    header, *rows = read_rows(augmented)
    where: dict[str, set[str]] = {}
    for row in rows:
        values = dict(zip(header, row, strict=True))
        where.setdefault(original_of(values["image"]), set()).add(values["split"])
    assert all(len(splits) == 1 for splits in where.values())
    assert {original for original, splits in where.items() if splits == {"test"}} == {"6", "7"}
    assert sum(splits == {"val"} for splits in where.values()) == 2


def test_a_split_that_leaks_is_refused_until_forced(augmented: Path) -> None:
    first = next(augmented.glob("TRAIN/*/*_0.jpeg"))
    first.rename(augmented / "TEST" / first.parent.name / first.name)
    with pytest.raises(DataError, match="leaks") as caught:
        split_folder(augmented, {"val": 0.3})
    assert "--force" in caught.value.fix
    assert not (augmented / "index.csv").exists()
    assert split_folder(augmented, {"val": 0.3}, force=True).kept == ()


def test_a_picture_outside_the_split_is_refused(augmented: Path) -> None:
    bare = augmented / "NEUTROPHIL"
    bare.mkdir()
    cv2.imwrite(str(bare / "x.png"), field(99))
    with pytest.raises(DataError, match="1 pictures are in none"):
        split_folder(augmented, {"val": 0.3})


def test_a_whole_split_stays_as_it_is(tmp_path: Path) -> None:
    for seed, split in enumerate(("train", "train", "valid", "test")):
        path = tmp_path / "own" / split / "monocyte" / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), field(seed))
    division = split_folder(tmp_path / "own", {"val": 0.5, "test": 0.2})
    assert {name: held.pictures for name, held in division.splits.items()} == {"train": 2, "val": 1, "test": 1}
    assert division.kept == ("test", "train", "val")
