"""What two analyses answer differently, worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from archived import table

from hemato_edge.archives.changed import CHANGED, write_changed
from hemato_edge.archives.comparison import BY_FIELD, BY_SOURCE, Comparison, compare
from hemato_edge.archives.parquet import packed, write_table
from hemato_edge.archives.rows import TABLES, Findings
from hemato_edge.errors import ArchiveError
from hemato_edge.labels import CLASSIFIER_LABELS, UNCLASSIFIED
from hemato_edge.values import Judgement

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

Answer = tuple[str, str | None]
"""The model's answer and a person's."""


def judgement(label: str) -> Judgement | None:
    if label == "unnamed":
        return None
    best = "lymphocyte" if label == UNCLASSIFIED else label
    probabilities = np.full(len(CLASSIFIER_LABELS), 0.02, np.float32)
    probabilities[CLASSIFIER_LABELS.index(best)] = 0.86
    return Judgement(label, best, 0.86, probabilities)


def folder(
    place: Path, sources: dict[str, list[list[Answer]]], model: str, kind: str = "pictures", shift: float = 0
) -> Path:
    """An output folder: source → fields → answers; each cell lies at a place of its own, moved by `shift` pixels."""
    all_found = []
    for source, fields in sources.items():
        findings = Findings(source)
        for number, answers in enumerate(fields):
            picture = f"{source}/{number}.png"
            counts = {"wbc": len(answers), "rbc": 1, "platelet": 0}
            findings.add_field((picture, None, 640, 480), counts, counts, (None, {}), 1.0)
            for cell, (label, reviewed) in enumerate(answers):
                box = (50.0 * cell + shift, 10.0, 50.0 * cell + 40 + shift, 50.0)
                findings.add_cell((number, cell, picture), ("wbc", box, 0.9), judgement(label), (None, reviewed))
            findings.add_cell((number, 99, picture), ("rbc", (0.0, 0.0, 9.0, 9.0), 0.9), None)
        all_found.append(findings.close(kind))
    place.mkdir()
    for name in TABLES:
        streams = [packed(name, findings.rows[name]) for findings in all_found]
        write_table(place, name, streams, json.dumps({"model": model, "model_sha256": "ab" * 32, "hemato_edge": "1"}))
    return place


def plain(labels: Iterable[str]) -> list[Answer]:
    return [(label, None) for label in labels]


N, L, M, B = "neutrophil", "lymphocyte", "monocyte", "basophil"


def compared(tmp_path: Path, before: dict[str, list[list[Answer]]], now: dict[str, list[list[Answer]]]) -> Comparison:
    return compare(folder(tmp_path / "a", before, "old"), folder(tmp_path / "b", now, "new"))


def test_what_changed_by_class(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        {"s1": [plain([N, N, L, L])], "s2": [plain([N, M, UNCLASSIFIED, "unnamed"])], "gone": [plain([N])]},
        {"s1": [plain([N, N, L, M])], "s2": [plain([N, L, M, "unnamed"])]},
    )
    assert (found.cells, found.changed, found.changed_share) == (8, 3, 3 / 8)
    assert found.moves == ((L, M, 1), (M, L, 1), (UNCLASSIFIED, M, 1))
    by_name = {one.name: one for one in found.classes}
    lymphocytes = by_name[L]
    assert (lymphocytes.before, lymphocytes.now, lymphocytes.lost, lymphocytes.gained) == (2, 2, 1, 1)
    assert lymphocytes.percent_before == pytest.approx(100 * 2 / 6)
    assert lymphocytes.percent_now == pytest.approx(100 * 2 / 7)
    assert lymphocytes.difference == pytest.approx(100 * (2 / 7 - 2 / 6))
    assert by_name["unnamed"].before == by_name["unnamed"].now == 1
    assert by_name[UNCLASSIFIED].percent_before is None
    assert (found.grouped_by, found.groups, found.matched.sources_before) == (BY_SOURCE, 2, 1)
    assert found.before["model"] == "old"
    assert found.reviewed is None
    assert json.loads(json.dumps(found.as_json()))["changed"] == 3


def test_an_interval_is_over_whole_slides(tmp_path: Path) -> None:
    """All changes on two of twenty slides: drawn slide by slide, their share is far less sure than cell by cell."""
    before = {f"s{i:02}": [plain([N] * 20)] for i in range(20)}
    now = {name: [plain([L if name < "s02" else N] * 20)] for name in before}
    found = compared(tmp_path, before, now)
    assert found.changed_interval is not None
    low, high = found.changed_interval
    assert (low, found.changed_share) == (0.0, 0.1)
    assert 0.2 <= high <= 0.3  # of cells drawn one by one it would be 0.13
    change = next(one for one in found.classes if one.name == N)
    assert change.difference == pytest.approx(-10)
    assert change.interval == pytest.approx((-100 * high, 0))


def test_one_slide_is_drawn_by_its_fields_and_one_field_gives_no_interval(tmp_path: Path) -> None:
    found = compared(tmp_path, {"s": [plain([N]), plain([L])]}, {"s": [plain([N]), plain([M])]})
    assert (found.grouped_by, found.groups) == (BY_FIELD, 2)
    assert found.changed_interval == (0.0, 1.0)
    (tmp_path / "one").mkdir()
    alone = compared(tmp_path / "one", {"s": [plain([N, L])]}, {"s": [plain([N, M])]})
    assert (alone.groups, alone.changed_interval) == (1, None)


def test_the_cells_that_a_person_named_tell_which_is_right(tmp_path: Path) -> None:
    truth = [N, N, N, L, L, B, "artefact", None]
    before = list(zip([N, N, L, L, N, N, N, N], truth, strict=True))
    now = list(zip([N, N, N, L, L, M, L, L], truth, strict=True))
    found = compared(tmp_path, {"s": [before], "t": [before]}, {"s": [now], "t": [now]}).reviewed
    assert found is not None
    assert (found.right_before, found.right_now, found.paired.cells) == (6, 10, 12)
    assert (found.paired.only_first, found.paired.only_second) == (0, 4)
    assert found.paired.p_value == pytest.approx(2 * 0.5**4)
    assert found.of_class == {N: (6, 4, 6), L: (4, 2, 4), B: (2, 0, 0)}


def test_cells_are_known_by_their_boxes_whatever_the_locator(tmp_path: Path) -> None:
    first = folder(tmp_path / "a", {"s": [plain([N, L, M])]}, "old")
    moved = folder(tmp_path / "b", {"s": [plain([N, L])]}, "new", shift=8)
    far = folder(tmp_path / "c", {"s": [plain([N, L])]}, "new", shift=25)
    found = compare(first, moved)
    assert (found.cells, found.changed, found.matched.only_before, found.matched.only_now) == (2, 0, 1, 0)
    apart = compare(first, far)
    assert (apart.cells, apart.matched.only_now, apart.changed_share) == (0, 2, None)


def test_the_changed_cells_are_a_table(tmp_path: Path) -> None:
    found = compared(tmp_path, {"s": [plain([N, L])]}, {"s": [plain([N, "unnamed"])]})
    write_changed(found, tmp_path)
    (row,) = table(tmp_path, CHANGED.removesuffix(".parquet"))
    assert (row["before"], row["now"], row["cell"], row["x0"]) == (L, "unnamed", 1, 50.0)
    assert (row["confidence_before"], row["confidence_now"]) == (pytest.approx(0.86), None)


def test_folders_that_cannot_be_compared_say_why(tmp_path: Path) -> None:
    done = folder(tmp_path / "a", {"s": [plain([N])]}, "old")
    other = folder(tmp_path / "b", {"t": [plain([N])]}, "new")
    with pytest.raises(ArchiveError, match="no source in common"):
        compare(done, other)
    with pytest.raises(ArchiveError, match="cannot be read"):
        compare(done, tmp_path)
    (tmp_path / "b/cells.parquet").write_bytes(b"PAR1 nothing")
    (tmp_path / "b/counts.parquet").write_bytes((tmp_path / "a/counts.parquet").read_bytes())
    with pytest.raises(ArchiveError, match="cells.parquet cannot be read"):
        compare(done, other)
