"""What a frozen and a black camera give themselves away by, and what must not be taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from hemato_edge.cameras.camera import Noise
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.cameras.demo.slide import draw_field
from hemato_edge.cameras.recovery.frozen import LOOP_FRAMES, Liveness
from hemato_edge.cameras.recovery.state import Fault

FIELD = draw_field(1)[0]
CHANCE = np.random.default_rng(5)


def noisy(sigma: float, image: np.ndarray = FIELD) -> np.ndarray:
    return np.clip(np.rint(image + CHANCE.normal(0, sigma, image.shape)), 0, 255).astype(np.uint8)


def faults(liveness: Liveness, images) -> list[Fault | None]:
    doubts = [liveness.doubt(image) for image in images]
    return [None if doubt is None else doubt.fault for doubt in doubts]


def test_a_still_stage_is_no_frozen_camera() -> None:
    camera = DemoCamera(1, still=True)
    camera.open()
    assert faults(Liveness(Noise.SENSOR), (camera.read(1).image for _ in range(40))) == [None] * 40


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.8, 5.0])
def test_nor_is_a_quiet_sensor(sigma: float) -> None:
    assert faults(Liveness(Noise.SENSOR), (noisy(sigma) for _ in range(20))) == [None] * 20


def test_the_same_picture_twice_is_one_too_many() -> None:
    liveness = Liveness(Noise.SENSOR)
    first, second = noisy(1), noisy(1)
    assert faults(liveness, [first, first, second, second.copy(), noisy(1)]) == [
        None,
        Fault.FROZEN,
        None,
        Fault.FROZEN,
        None,
    ]


def test_old_buffers_in_turn_are_known() -> None:
    liveness = Liveness(Noise.SENSOR)
    ring = [noisy(1) for _ in range(LOOP_FRAMES - 1)]
    assert faults(liveness, ring) == [None] * len(ring)
    assert faults(liveness, ring * 2) == [Fault.FROZEN] * 2 * len(ring)


def test_a_frozen_picture_that_trembles_is_borne_longer_and_not_handed_out() -> None:
    liveness = Liveness(Noise.SENSOR, frozen_s=4, nearly_frozen_s=30)
    assert liveness.doubt(FIELD) is None
    trembling = FIELD.copy()
    trembling[CHANCE.random(FIELD.shape[:2]) < 1 / 300] ^= 1
    doubt = liveness.doubt(trembling)
    assert doubt is not None
    assert (doubt.fault, doubt.patience_s) == (Fault.FROZEN, 30)
    same = liveness.doubt(FIELD)
    assert same is not None
    assert same.patience_s == 4


def test_a_stream_may_repeat_itself_for_a_while_and_a_drawing_for_ever() -> None:
    stream = Liveness(Noise.COMPRESSED, frozen_s=4, nearly_frozen_s=30)
    assert stream.doubt(FIELD) is None
    doubt = stream.doubt(FIELD)
    assert doubt is not None
    assert doubt.patience_s == 30
    assert faults(Liveness(Noise.NONE), [FIELD] * 5) == [None] * 5


@pytest.mark.parametrize(
    ("image", "black"),
    [
        (np.zeros_like(FIELD), True),
        (noisy(2, np.full_like(FIELD, 3)), True),  # a lens cap before a real sensor
        (np.full_like(FIELD, (0, 135, 0)), True),  # a YUV buffer that was never filled
        (np.full_like(FIELD, 255), False),  # overexposed: the quality gate names that
        (noisy(2, FIELD // 6), False),  # dim, but there is something
        (FIELD, False),
    ],
)
@pytest.mark.parametrize("noise", list(Noise))
def test_black_is_told_from_dark(image, black: bool, noise: Noise) -> None:
    assert faults(Liveness(noise), [image]) == [Fault.BLACK if black else None]


def test_clipped_pictures_cannot_be_told_apart() -> None:
    white = np.full_like(FIELD, 255)
    assert faults(Liveness(Noise.SENSOR), [white] * 3) == [None] * 3
