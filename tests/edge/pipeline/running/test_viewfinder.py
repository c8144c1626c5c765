"""The viewfinder: steady marks out of the ledger, and no picture unless somebody asks."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from waiting import DEADLINE_S, until

from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.pipeline.field import FieldAnalyzer
from hemato_edge.pipeline.running.viewfinder import Viewfinder
from hemato_edge.values import FieldResult
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.locate.locator import OpenCvLocator
from hemato_edge.vision.quality import OUT_OF_FOCUS, QualityGate


@pytest.fixture(scope="module")
def frames():
    camera = DemoCamera(1, still=True, frames=40)
    camera.open()
    return [camera.read() for _ in range(40)]


def test_the_marks_stay_on_their_cells_also_on_known_ground(frames) -> None:
    camera = DemoCamera(1, still=True, frames=40)
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
    finder, shown = Viewfinder(), []
    for frame in frames:
        result = analyzer.analyze(frame)
        finder.analysed(frame, result, analyzer.on_view(result))
        sight = finder.newest
        assert sight is not None
        if isinstance(result, FieldResult):
            shown.append((frame.index, sight))
    white = [{mark.number: mark for mark in sight.marks if mark.kind == "wbc"} for _, sight in shown]
    settled = white[len(white) // 2 :]
    assert any(sight.verdict == "known_ground" for _, sight in shown)
    assert settled[0]
    assert all(set(one) >= set(settled[0]) for one in settled), "a mark of a still stage blinked"
    red_cell_px = analyzer.looks.red_cell_px
    assert red_cell_px is not None
    truth = [one for one in camera.slide.truth if one.kind == "wbc"]
    for (index, _), marks in zip(shown[len(white) // 2 :], settled, strict=True):
        x, y = camera.true_pose(index)
        for number in settled[0]:
            here = np.array([x + marks[number].x, y + marks[number].y])
            middles = [np.array([one.box[0] + one.box[2], one.box[1] + one.box[3]]) / 2 for one in truth]
            assert min(np.linalg.norm(middle - here) for middle in middles) < 0.25 * red_cell_px
    assert {mark.label for mark in settled[-1].values()} - {""}, "no mark bears its name"


def test_a_rejected_frame_says_why_and_has_no_marks(frames) -> None:
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
    blurred = replace(frames[0], image=cv2.GaussianBlur(frames[0].image, (0, 0), 12))
    finder = Viewfinder()
    result = analyzer.analyze(blurred)
    finder.analysed(blurred, result, analyzer.on_view(result))
    assert finder.newest is not None
    assert finder.newest.verdict == OUT_OF_FOCUS
    assert not finder.newest.marks


def test_nothing_is_encoded_unless_asked_and_once_for_the_same_question(frames) -> None:
    finder = Viewfinder()
    for frame in frames:
        finder.show(frame, "counted")
    assert finder.pictures == 0
    assert not finder.watched
    sight = finder.wait(0)
    assert sight is not None
    assert finder.watched
    pictures = {width: finder.jpeg(sight, width) for width in (320, 640, 320)}
    assert finder.pictures == 2
    sizes = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape for jpeg in pictures.values()]
    assert sizes == [(240, 320, 3), (480, 640, 3)]


def test_a_question_waits_for_a_newer_frame_and_no_longer_than_it_should(frames) -> None:
    finder = Viewfinder()
    finder.show(frames[0], "counted")
    assert finder.wait(0) is not None
    assert finder.wait(1, timeout_s=0.05) is None
    found = []
    asking = threading.Thread(target=lambda: found.append(finder.wait(1, timeout_s=20)))
    asking.start()
    time.sleep(0.05)
    finder.show(frames[1], "counted")
    asking.join(DEADLINE_S)
    assert found[0].seq == 2


def test_closing_lets_a_question_go(frames) -> None:
    finder = Viewfinder()
    found = ["nothing"]
    asking = threading.Thread(target=lambda: found.append(finder.wait(0, timeout_s=60)))
    asking.start()
    finder.close()
    asking.join(DEADLINE_S)
    assert not asking.is_alive()
    assert found[-1] is None


def test_a_cell_on_the_rim_keeps_its_box_while_the_pose_wavers(frames) -> None:
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
    for frame in frames[:8]:
        result = analyzer.analyze(frame)
    assert isinstance(result, FieldResult)
    assert result.pose is not None
    cell = max(analyzer.ledger.on_view(result.pose, (640, 480)), key=lambda one: one.cell.size).cell
    for off in (-0.4, 0.4):  # its centre just in view, and just outside
        pose = replace(result.pose, x_px=cell.x + off, y_px=cell.y - 240)
        assert cell.number in {one.cell.number for one in analyzer.ledger.on_view(pose, (640, 480))}
    far = replace(result.pose, x_px=cell.x + 2 * cell.size, y_px=cell.y - 240)
    assert cell.number not in {one.cell.number for one in analyzer.ledger.on_view(far, (640, 480))}


def test_marks_are_looked_up_for_a_frame_that_is_waited_for_and_a_picture_never_lacks_them(frames) -> None:
    analyzer = FieldAnalyzer(QualityGate(), OpenCvLocator(), load_classifier())
    result = analyzer.analyze(frames[0])
    finder = Viewfinder()
    assert not finder.awaited
    finder.analysed(frames[0], result, None)
    found = []
    asking = threading.Thread(target=lambda: found.append(finder.wait(1, timeout_s=20)))
    asking.start()
    until(lambda: finder.awaited, "somebody who waits")
    finder.analysed(frames[1], result, None)  # it was looked up just before somebody began to wait
    finder.analysed(frames[2], result, analyzer.on_view(result))
    asking.join(DEADLINE_S)
    assert (found[0].seq, found[0].marked) == (3, True)
    assert not finder.awaited
    finder.analysed(frames[3], result, None)
    assert finder.wait(after=3, timeout_s=0.05) is None
    first = finder.wait(0)  # who sees nothing yet is shown what there is
    assert first is not None
    assert first.seq == 4
