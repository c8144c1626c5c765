"""What the survey of a session's red cells and platelets counts, and that it can be switched off."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.counting.red_cells.pallor import TALLY as PALLOR
from hemato_edge.counting.red_cells.sizes import LEFT_OUT
from hemato_edge.counting.red_cells.sizes import TALLY as SIZE
from hemato_edge.pipeline import red_cell_survey
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.red_cell_survey import RedCellSurvey
from hemato_edge.values import FieldResult
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate
from hemato_edge.vision.red_cells.outlines import RedCellLook


def walked(survey: RedCellSurvey, frames: int = 60) -> tuple[dict[str, int], list[FieldResult]]:
    """The tallies of a walk over the drawn slide, and its fields."""
    analyzer = FieldAnalyzer(QualityGate(), load_locator(), load_classifier(), red_cells=survey)
    camera, results = DemoCamera(4, frames=frames), []
    camera.open()
    for _ in range(frames):
        result = analyzer.analyze(camera.read(1.0))
        if isinstance(result, FieldResult):
            results.append(result)
    camera.close()
    return analyzer.tallies(), results


def total(tallies: dict[str, int], begins: str) -> int:
    return sum(count for name, count in tallies.items() if name.startswith(begins))


def test_each_cell_is_looked_at_once_and_none_is_lost() -> None:
    tallies, results = walked(RedCellSurvey())
    red, few = sum(one.new_red_cells for one in results), sum(one.new_platelets for one in results)
    assert 0 < total(tallies, SIZE) == total(tallies, PALLOR)
    assert total(tallies, SIZE) + total(tallies, LEFT_OUT) <= red
    assert 0 < tallies["platelets_seen"] <= few
    assert tallies.get("platelets_giant", 0) == tallies.get("platelets_clumped", 0) == 0  # none is drawn


def test_switched_off_it_counts_nothing_and_changes_no_count() -> None:
    on, with_survey = walked(RedCellSurvey(), 30)
    off, without = walked(RedCellSurvey(measure=False), 30)
    added = (SIZE, PALLOR, LEFT_OUT, "platelets_")
    assert not any(name.startswith(added) for name in off)
    assert {name: count for name, count in on.items() if not name.startswith(added)} == off
    assert [one.new_red_cells for one in with_survey] == [one.new_red_cells for one in without]


@pytest.mark.parametrize("cells", [0, 3])
def test_a_field_of_few_free_cells_is_counted_as_one(cells: int) -> None:
    survey, some = RedCellSurvey(), np.full(cells, 40.0, np.float32)
    survey.enter(RedCellLook(np.arange(cells), some, some / 100))
    assert total(survey.tallies(), f"{SIZE}0:") == cells


class Ovals:
    """Calls every cell an ovalocyte, and every third nothing."""

    asked = 0

    def name(self, view: FieldView, look: RedCellLook, red_cell_px: float) -> np.ndarray:
        self.asked += 1
        return np.where(np.arange(len(look.alone)) % 3 == 2, -1, 1)


def test_shapes_are_named_in_turn_and_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    namer = Ovals()
    tallies, _ = walked(RedCellSurvey(shapes=namer))  # type: ignore[arg-type]
    assert namer.asked > 1
    shapes = {name: n for name, n in tallies.items() if name.startswith("red_cell_shape:")}
    named, unnamed = (sum(n for name, n in shapes.items() if name.endswith(f":{end}")) for end in ("1", "99"))
    assert named > unnamed > 0
    assert total(tallies, "red_cell_shape:") == named + unnamed
    monkeypatch.setattr(red_cell_survey, "ENOUGH_SHAPES", 1)
    again = Ovals()
    walked(RedCellSurvey(shapes=again))  # type: ignore[arg-type]
    assert again.asked == 1
