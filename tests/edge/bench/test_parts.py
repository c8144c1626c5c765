"""The parts of the bench on this device, with real models and a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hemato_edge.bench.measures.frames import Costs, results_of, visit_scene, whole_program
from hemato_edge.bench.measures.inference import InferenceBench, inference_name, model_facts
from hemato_edge.bench.measures.scenes import Scene, SceneName, draw_scenes
from hemato_edge.bench.measures.start import run_child
from hemato_edge.bench.measures.storage import place_near, temporary_database
from hemato_edge.bench.measures.timing import Deadline
from hemato_edge.bench.measures.viewer import Watching
from hemato_edge.bench.measures.watch import TimedModels, load_models
from hemato_edge.bench.session import FULL, SHARES, BenchSession
from hemato_edge.errors import BenchError
from hemato_edge.models.bundle import read_bundle, shipped_classifier
from hemato_edge.models.engines.choice import find_runtime
from hemato_edge.settings import Settings


@pytest.fixture(scope="module")
def scenes() -> dict[SceneName, Scene]:
    return draw_scenes(8, 60.0)


@pytest.fixture(scope="module")
def models() -> TimedModels:
    return load_models(Settings())


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_scenes_show_what_they_are_named_for(scenes: dict[SceneName, Scene], models: TimedModels) -> None:
    costs = {name: Costs() for name in scenes}
    for name, scene in scenes.items():
        visit_scene(scene, models, Settings(), costs[name], Deadline(60.0))
    assert "locate" not in costs["still"].stages  # the field is known
    assert costs["still"].inference_share == 0
    assert len(costs["worst"].stages["classify"][0]) == len(costs["worst"].frame[0])
    assert 0 < costs["worst"].inference_share < 1
    assert len(costs["moving"].frame[0]) + costs["moving"].rejected == 8


def test_the_whole_program_is_timed_and_leaves_nothing(
    scenes: dict[SceneName, Scene], models: TimedModels, folder: Path
) -> None:
    with temporary_database(folder) as writer:
        rates = whole_program(scenes["still"], models, Settings(), writer)
    assert rates
    assert all(rate > 0 for rate in rates)


def test_a_run_is_timed_while_somebody_watches(
    scenes: dict[SceneName, Scene], models: TimedModels, folder: Path
) -> None:
    with temporary_database(folder) as writer, Watching() as somebody:
        rates = whole_program(scenes["moving"], models, Settings(), writer, somebody.viewfinder)
    assert rates
    assert somebody.viewfinder.pictures > 0
    assert not somebody.viewfinder.awaited


def test_results_carry_cells_with_pictures(scenes: dict[SceneName, Scene], models: TimedModels) -> None:
    results = results_of(scenes["worst"].frames[:3], models, Settings())
    assert any(cell.portrait for result in results for cell in result.new_cells)


def test_inferences_by_threads_and_batch() -> None:
    bundle = read_bundle(shipped_classifier())
    bench = InferenceBench({"classifier": bundle}, find_runtime(), (1,), (1, 4))
    for _ in range(2):
        bench.visit_all(2.0)
    one, four = (bench.visits[inference_name("classifier", 1, batch)] for batch in (1, 4))
    assert len(one) == len(four) == 2
    assert min(four[0]) > min(one[0])  # four crops take longer than one
    facts = model_facts(bundle, find_runtime())
    assert 0 < facts.delegated <= facts.operations


def test_a_batch_that_the_runtime_refuses_is_a_gap(models: TimedModels) -> None:
    from hemato_edge.vision.locate.choice import TFLiteLocator

    assert isinstance(models.locator, TFLiteLocator)
    bench = InferenceBench({"locator": models.locator.model.bundle}, find_runtime(), (1,), (1, 2))
    bench.visit_all(5.0)
    missing = {gap.name for gap in bench.gaps}
    assert inference_name("locator", 1, 1) in bench.visits
    assert (inference_name("locator", 1, 2) in bench.visits) != (inference_name("locator", 1, 2) in missing)


def test_the_disk_of_the_database_is_found(tmp_path: Path) -> None:
    assert place_near(tmp_path / "not" / "yet" / "x.db") == (tmp_path, None)


def test_a_start_that_fails_says_why(folder: Path) -> None:
    with pytest.raises(BenchError, match="nowhere.png"):
        run_child(Settings(), "/nowhere.png", 1, folder, 60.0)


def test_a_slow_part_takes_its_time_from_those_that_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    course = BenchSession(Settings(), FULL)
    parts = list(SHARES)
    assert [title for title, _ in course.parts] == parts
    assert course.seconds_for(parts[0]) == pytest.approx(FULL.seconds * 5 / 100, rel=0.2)
    monkeypatch.setattr(course, "_began", course._began - 90)
    rest = sum(course.seconds_for(part) for part in parts[1:])
    assert 0 < rest < 3 * (FULL.seconds - 90)
    monkeypatch.setattr(course, "_began", course._began - 90)
    assert course.seconds_for(parts[-1]) == 0
