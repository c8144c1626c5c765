"""One frame after another through the analyzer: what is inferred, what is skipped, and what waits."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import DrawnSlide
from hemato_edge.counting.confirmation import COUNTED, TRIED, KnownCell
from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_edge.pipeline import red_cell_survey
from hemato_edge.pipeline.field import COLOURS_EVERY, FieldAnalyzer
from hemato_edge.pipeline.label_voting import MOST_LOOKS, Settling
from hemato_edge.values import Detections, FieldResult, Judgement
from hemato_edge.vision import quality
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.colours import CHANNELS_SWAPPED, NEGATIVE
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.optics.stain import StainCalibration
from hemato_edge.vision.quality import QualityGate
from hemato_edge.vision.slide_appearance import ENOUGH_FOCUS, SlideAppearance

LOOK = SlideAppearance(60.0, StainCalibration.reference())
VIEW = FieldView(np.zeros((100, 100, 3), np.uint8))
FOUND = Detections(np.array([[10, 10, 50, 50]], np.float32), np.zeros(1, np.int8), np.ones(1, np.float32))


class Doubtful:
    """Answers with the confidences it is given, always for the first two labels."""

    def __init__(self, *confidences: float) -> None:
        self.left = list(confidences)

    def judge(self, view, boxes, look) -> list[Judgement]:
        return [self._answer(self.left.pop(0)) for _ in boxes]

    def pool(self, judgements) -> Judgement:
        return self._answer(float(np.mean([one.probabilities[0] for one in judgements])))

    def _answer(self, first: float) -> Judgement:
        p = np.zeros(len(CLASSIFIER_LABELS), np.float32)
        p[:2] = first, 1 - first
        best = CLASSIFIER_LABELS[int(np.argmax(p))]
        return Judgement(best, best, float(p.max()), p)


def known(state: int = COUNTED) -> KnownCell:
    return KnownCell(1, 0, 30.0, 30.0, 40.0, 1.0, state, 1, 1, [1, 0, 0])


def test_a_clear_answer_costs_one_inference_and_is_never_asked_again() -> None:
    settling, cell = Settling(Doubtful(0.97)), known()
    settling.look(VIEW, FOUND, [cell], LOOK, 0.3)
    assert len(settling.take({1})) == 1
    for _ in range(20):
        settling.look(VIEW, FOUND, [cell], LOOK, 0.9)
    assert settling.inferences == 1
    assert settling.take() == ()


def test_a_doubtful_cell_gets_three_looks_and_the_sharpest_vote() -> None:
    settling, cell = Settling(Doubtful(0.2, 0.8, 0.7, 0.9)), known()
    taken = []
    for sharpness in (0.1, 0.4, 0.38, 0.4):
        settling.look(VIEW, FOUND, [cell], LOOK, sharpness)
        taken += settling.take({1})
    assert settling.inferences == MOST_LOOKS
    assert [one.judgement.best for one in taken] == [CLASSIFIER_LABELS[0]]
    assert taken[0].judgement.confidence == pytest.approx(0.75)  # the blurred first look has no vote


def test_a_cell_on_trial_waits_and_what_is_given_up_is_looked_at_anew() -> None:
    settling, cell = Settling(Doubtful(0.95, 0.95)), known(TRIED)
    settling.look(VIEW, FOUND, [cell], LOOK, 0.3)
    assert settling.take() == ()
    settling.drop([cell])
    cell.state = COUNTED
    assert settling.take() == ()
    settling.look(VIEW, FOUND, [cell], LOOK, 0.3)
    assert len(settling.take()) == 1


def test_a_cell_in_doubt_that_goes_out_of_view_gets_the_name_it_has() -> None:
    settling, cell = Settling(Doubtful(0.6)), known()
    settling.look(VIEW, FOUND, [cell], LOOK, 0.3)
    assert settling.take({1}) == ()
    assert [one.judgement.confidence for one in settling.take(set())] == [pytest.approx(0.6)]


def test_a_view_that_is_known_is_not_located_again() -> None:
    class Counting(OpenCvLocator):
        calls = 0

        def locate(self, view):
            type(self).calls += 1
            return super().locate(view)

    camera = DemoCamera(1, still=True, frames=40)
    camera.open()
    analyzer = FieldAnalyzer(QualityGate(), Counting(), load_classifier())
    results = [analyzer.analyze(camera.read(1.0)) for _ in range(40)]
    assert all(isinstance(r, FieldResult) for r in results)
    assert Counting.calls < 12
    assert analyzer.tallies()["known_views"] >= 40 - Counting.calls
    assert sum(len(r.new_cells) for r in results) == sum(t.kind == "wbc" for t in camera.truth_seen(39))
    assert analyzer.close() is None


def test_the_colours_of_a_camera_are_checked_now_and_then_and_always_while_they_are_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[int] = []
    faults = iter([NEGATIVE, CHANNELS_SWAPPED])
    monkeypatch.setattr(quality, "colour_fault", lambda view: checked.append(1) or next(faults, None))
    camera = DemoCamera(1, still=True, frames=1)
    camera.open()
    frame = camera.read(1.0)
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
    results = [analyzer.analyze(replace(frame, index=i)) for i in range(3)]
    assert [getattr(one, "reject", None) for one in results] == [NEGATIVE, CHANNELS_SWAPPED, None]
    for i in range(3, 3 + COLOURS_EVERY):
        analyzer.analyze(replace(frame, index=i))
    assert len(checked) == 4
    analyzer.analyze(replace(frame, index=100, stretch=1))  # the camera was opened anew
    assert len(checked) == 5
    for _ in range(2):
        analyzer.analyze(replace(frame, independent=True))  # a picture of a folder stands for itself
    assert len(checked) == 7


def test_on_a_moving_stage_only_the_new_part_is_located_and_the_count_is_the_same() -> None:
    """The stage goes right in small steps: most of each frame is known."""
    classifier, slide = load_classifier(), DrawnSlide(1)
    counts: list[int] = []
    shares: list[float] = []

    class Watched(OpenCvLocator):
        def locate(self, view: FieldView) -> Detections:
            shares.append(view.size[0] * view.size[1] / (640 * 480))
            return super().locate(view)

    for looks_at_all in (False, True):
        analyzer = FieldAnalyzer(QualityGate(), Watched(), classifier)
        if looks_at_all:
            analyzer.ledger.undecided_part = lambda *_: None  # type: ignore[method-assign]
        found = 0
        for step in range(12):
            camera = DemoCamera(1, slide=slide, still=True, start=(600 + 24 * step, 700), frames=1)
            camera.open()
            result = analyzer.analyze(replace(camera.read(), index=step))
            found += result.new_red_cells + len(result.new_cells) if isinstance(result, FieldResult) else 0
        rest = analyzer.close()
        counts.append(found + (rest.new_red_cells + len(rest.new_cells) if rest else 0))
        if not looks_at_all:
            assert shares[0] == 1.0
            assert min(shares) < 0.75
            shares.clear()
    assert set(shares) == {1.0}
    assert counts[0] > 5
    assert abs(counts[0] - counts[1]) <= 1


def test_jumping_back_and_forth_counts_nothing_again() -> None:
    slide = DrawnSlide(4, (3200, 1600), 60)
    camera = DemoCamera(4, still=True, frames=1)
    camera.open()
    frame = camera.read(1.0)
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())

    def look(x: int, y: int) -> int:
        found = 0
        for shift in (0, 6, 12):
            view = type(frame)(slide.view(x + shift, y), 0, 0.0, frame.utc)
            result = analyzer.analyze(view)
            assert isinstance(result, FieldResult)
            found += len(result.new_cells) + result.new_red_cells + result.new_platelets
        return found

    assert min(look(100, 100), look(2000, 900)) > 10
    assert look(100, 100) + look(2000, 900) + look(100, 100) <= 1
    tallies = analyzer.tallies()
    assert (tallies["tracking_lost"], tallies["tracking_found_again"]) == (1, 3)
    assert tallies["area_px2:rbc"] < 2.2 * 640 * 480


def test_red_cells_are_measured_once_each_in_every_second_field_that_counts_some() -> None:
    """A still stage: what one field shows is measured, and never again."""
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
    camera = DemoCamera(4, still=True, frames=12)
    camera.open()
    measured = []
    for _ in range(12):
        analyzer.analyze(camera.read(1.0))
        measured.append(sum(n for name, n in analyzer.tallies().items() if name.startswith("red_cell_size:")))
    camera.close()
    assert measured[-1] > 0
    assert len(set(measured[4:])) == 1


def test_enough_red_cells_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(red_cell_survey, "ENOUGH", 1)
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
    camera, measured = DemoCamera(4, frames=120), []
    camera.open()
    for _ in range(120):
        analyzer.analyze(camera.read(1.0))
        measured.append(sum(n for name, n in analyzer.tallies().items() if name.startswith("red_cell_size:")))
    camera.close()
    assert len({*measured} - {0}) == 1  # those of the first field that was measured, and no more


def test_a_frame_far_less_sharp_than_those_before_is_out_of_focus() -> None:
    """The gate's own limit lets it pass: a session that begins with it counts it."""
    camera, gate = DemoCamera(4, still=True), QualityGate(min_focus=0.05)
    camera.open()
    frames = [camera.read(60.0) for _ in range(ENOUGH_FOCUS + 2)]
    sharp = [frame for frame in frames if gate.assess(FieldView(frame.image)).measures["focus"] > 0.3]
    soft = replace(sharp[0], image=np.asarray(cv2.GaussianBlur(sharp[0].image, (0, 0), 2.5), np.uint8))
    fresh = FieldAnalyzer(gate, OpenCvLocator(), load_classifier())
    assert isinstance(fresh.analyze(soft), FieldResult)
    session = FieldAnalyzer(gate, OpenCvLocator(), load_classifier())
    for frame in (sharp * ENOUGH_FOCUS)[:ENOUGH_FOCUS]:
        assert isinstance(session.analyze(frame), FieldResult)
    rejected = session.analyze(soft)
    assert getattr(rejected, "reject", None) == quality.OUT_OF_FOCUS
