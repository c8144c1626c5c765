"""Frames from one process to another."""

from __future__ import annotations

import os

import numpy as np
import pytest

from hemato_edge.cameras.isolated.shared_frame import SharedFrame
from hemato_edge.errors import CameraFault


@pytest.fixture
def ends():
    ours = SharedFrame()
    theirs = SharedFrame(os.dup(ours.file))
    yield ours, theirs
    os.close(theirs.file)
    theirs.close()
    ours.close()


def test_frames_arrive_to_the_bit_and_are_copies(ends) -> None:
    ours, theirs = ends
    chance = np.random.default_rng(1)
    small, large = (chance.integers(0, 256, (h, 2 * h, 3), np.uint8) for h in (48, 480))
    theirs.write(1, small)
    first = ours.read(1, small.shape)
    theirs.write(2, large)  # the memory grows
    assert np.array_equal(ours.read(2, large.shape), large)
    assert np.array_equal(first, small)


def test_another_frame_than_the_one_asked_for_is_refused(ends) -> None:
    ours, theirs = ends
    image = np.zeros((4, 4, 3), np.uint8)
    theirs.write(1, image)
    with pytest.raises(CameraFault, match="Frame 2 was asked for"):
        ours.read(2, image.shape)
    memory = np.frombuffer(theirs._mapped(0), np.int64, 2)
    memory[0] = 2  # written by half
    with pytest.raises(CameraFault, match="holds 2 to 1"):
        ours.read(2, image.shape)
