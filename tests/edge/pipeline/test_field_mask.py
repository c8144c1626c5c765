"""Sessions over obstructed fields count what plain ones count, and see nothing where there is no slide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from obstructed import Obstruction, bars, disc, eyepiece, reticle, scale_bar, then, vignette

from hemato_edge.aperture import Aperture
from hemato_edge.cameras.camera import OpenCamera
from hemato_edge.cameras.demo.camera import DemoCamera
from hemato_edge.errors import ConfigurationError
from hemato_edge.pipeline.field import SLIDE_SHARE, FieldAnalyzer
from hemato_edge.pipeline.field_mask import CHECKED_EVERY, SURE_CHECKS, FieldMask, mask_of, read_mask
from hemato_edge.settings import CameraSettings
from hemato_edge.values import FieldResult, Frame
from hemato_edge.vision.classify.classifier import load_classifier
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.quality import QualityGate


def walk(frames: int) -> list[Frame]:
    with OpenCamera(DemoCamera(5, frames=frames)) as camera:
        return [camera.read(1.0) for _ in range(frames)]


@pytest.fixture(scope="module")
def short() -> list[Frame]:
    return walk(24)


def counted(frames: list[Frame], obstruct: Obstruction | None = None) -> tuple[int, int, FieldAnalyzer]:
    """White and red cells of a session, and its analyzer."""
    analyzer = FieldAnalyzer(QualityGate(), load_locator(), load_classifier())
    white = red = 0
    for frame in frames:
        image = frame.image if obstruct is None else obstruct(frame.image, frame.index)
        result = analyzer.analyze(replace(frame, image=image))
        if isinstance(result, FieldResult):
            white, red = white + len(result.new_cells), red + result.new_red_cells
    rest = analyzer.close()
    if rest is not None:
        white, red = white + len(rest.new_cells), red + rest.new_red_cells
    return white, red, analyzer


def test_bars_change_nothing(short: list[Frame]) -> None:
    plain_white, plain_red, plain = counted(short)
    white, red, analyzer = counted(short, bars((0, 0, 20, 20)))
    assert (white, red) == (plain_white, plain_red)
    assert analyzer.ledger.coverage.area_px2 == plain.ledger.coverage.area_px2
    assert analyzer.tallies()["mask:bars"] == 1
    assert analyzer.tallies()["mask:slide_permille"] == round(1000 * 640 / 680)
    assert "mask:slide_permille" not in plain.tallies()


def test_nothing_is_seen_outside_of_a_round_field(short: list[Frame]) -> None:
    analyzer = FieldAnalyzer(QualityGate(), load_locator(), load_classifier())
    for frame in short[::8]:
        alone = replace(frame, image=eyepiece()(frame.image, frame.index), independent=True)
        result = analyzer.analyze(alone)
        assert isinstance(result, FieldResult)
        assert result.quality.measures[SLIDE_SHARE] == pytest.approx(np.pi / 4, rel=0.02)
        x, y = analyzer.mask.aperture.origin
        slide = disc(frame.image.shape, (0.5, 0.5), 0.47)
        for cell in result.new_cells:
            assert slide[round(cell.y_px) + y, round(cell.x_px) + x]
        assert result.seen["rbc"] > 0
    assert "mask:round" in analyzer.tallies()


@pytest.mark.slow
@pytest.mark.parametrize("obstruct", [bars((0, 0, 107, 107)), bars((40, 40, 0, 0), (20, 20, 20), noise=12),
                                      reticle(), scale_bar((0, 0, 0)), vignette(0.5)])  # fmt: skip
def test_the_count_stays_within_its_bounds(obstruct: Obstruction) -> None:
    """Within 5 % of the red cells and one white cell of the plain walk."""
    frames = walk(90)
    white, red, _ = counted(frames)
    obstructed_white, obstructed_red, analyzer = counted(frames, obstruct)
    assert abs(obstructed_white - white) <= 1
    assert abs(obstructed_red - red) <= 0.05 * red
    assert analyzer.tallies().get("tracking_lost", 0) == 0


def test_a_mask_that_is_contradicted_is_made_anew(short: list[Frame]) -> None:
    mask = FieldMask()
    dark = eyepiece()(short[0].image, 0)
    assert not mask.aperture_of(replace(short[0], image=dark)).is_whole
    for _ in range(SURE_CHECKS * CHECKED_EVERY):
        aperture = mask.aperture_of(short[0])
    assert aperture.is_whole


def test_what_the_profile_knows_counts_from_the_first_frame(short: list[Frame]) -> None:
    rig = then(bars((0, 0, 20, 20)), scale_bar((90, 60, 120)))  # of a colour that no single picture tells
    frames = [replace(frame, image=rig(frame.image, frame.index)) for frame in short]
    overlay = np.zeros((480, 640), bool)
    overlay[440:456, 480:610] = True
    known = Aperture((680, 480), (20, 0, 660, 480), kinds=("bars",)), overlay
    mask = FieldMask(known=known)
    aperture = mask.aperture_of(frames[0])
    assert aperture.kinds == ("bars", "overlay")
    assert aperture.bridged is not None
    assert mask.tallies()["mask:profile"] == 1
    plain = FieldMask(known=(Aperture((640, 480), (20, 0, 620, 480), kinds=("bars",)), None))
    assert plain.aperture_of(short[0]).is_whole
    assert plain.tallies() == {"mask:profile_left": 1}
    assert mask_of(CameraSettings(crop=(0, 0, 300, 300)), known).aperture_of(frames[0]).kinds == ("crop", "bars")


def test_pictures_of_their_own_get_a_mask_each(short: list[Frame]) -> None:
    mask = FieldMask()
    alone = [replace(frame, independent=True) for frame in short[:2]]
    assert mask.aperture_of(alone[0]).is_whole
    assert "round" in mask.aperture_of(replace(alone[0], image=eyepiece()(alone[0].image, 0))).kinds
    assert mask.aperture_of(alone[1]).is_whole
    assert mask.aperture_of(replace(alone[1], image=bars((9, 9, 0, 0))(alone[1].image, 0))).kinds == ("bars",)


def test_a_person_may_say_what_is_slide(short: list[Frame]) -> None:
    frame = replace(short[0], image=bars((0, 0, 20, 20))(short[0].image, 0))
    assert FieldMask(search=False).aperture_of(frame).is_whole
    cropped = FieldMask(search=False, crop=(100, 50, 300, 200)).aperture_of(frame)
    assert cropped.rectangle == (100, 50, 400, 250)
    assert FieldMask(crop=(0, 0, 400, 480)).aperture_of(frame).rectangle == (20, 0, 400, 480)
    given = Aperture((680, 480), (30, 30, 600, 400))
    assert FieldMask(given).aperture_of(frame) is given


def test_a_dark_start_is_looked_at_again(short: list[Frame]) -> None:
    mask = FieldMask()
    assert mask.aperture_of(replace(short[0], image=short[0].image // 50)).is_whole
    assert mask.untold == "dark"
    assert mask.tallies() == {"mask_untold:dark": 1}
    assert "bars" in mask.aperture_of(replace(short[0], image=bars((9, 9, 0, 0))(short[0].image[9:-9], 0))).kinds
    assert mask.untold is None


def test_a_mask_is_read_from_a_picture(tmp_path: Path) -> None:
    drawn = np.zeros((480, 680), np.uint8)
    drawn[40:440, 100:500] = 255
    drawn[40:60, 100:120] = 0
    assert cv2.imwrite(str(tmp_path / "mask.png"), drawn)
    aperture = read_mask(tmp_path / "mask.png")
    assert aperture.rectangle == (100, 40, 500, 440)
    assert aperture.slide_px == 400 * 400 - 20 * 20
    assert mask_of(CameraSettings(mask=str(tmp_path / "mask.png"))).tallies() == {}


@pytest.mark.parametrize("content", [b"no picture", None])
def test_what_is_no_mask_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mask.png"
    if content is None:
        assert cv2.imwrite(str(path), np.zeros((48, 64), np.uint8))
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as refused:
        mask_of(CameraSettings(mask=str(path)))
    assert refused.value.fix


def test_a_mask_of_another_size_is_told(short: list[Frame]) -> None:
    mask = FieldMask(Aperture((320, 240), (10, 10, 300, 200)))
    assert mask.aperture_of(short[0]).is_whole
    assert mask.tallies() == {"mask_untold:size": 1}


def test_a_field_that_somebody_knows_is_round(short: list[Frame]) -> None:
    soft = eyepiece(soft=20.0)(short[0].image, 0)
    assert "round" in mask_of(CameraSettings(mask="round")).aperture_of(replace(short[0], image=soft)).kinds
    plain = mask_of(CameraSettings(mask="round"))
    assert plain.aperture_of(short[0]).is_whole
    assert plain.untold == "round"


def growing(image: np.ndarray, done: float) -> np.ndarray:
    """Shading that reaches half at the corners by and by."""
    return vignette(0.5 * done)(image, 0)


def moving(image: np.ndarray, done: float) -> np.ndarray:
    """A lamp that falls off by half around a middle that goes from one side to the other, as of a shifted condenser."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    off = ((x / width - 0.2 - 0.6 * done) ** 2 + (y / height - 0.5) ** 2) / 0.8
    return np.asarray(image * (1 - 0.5 * np.minimum(off, 1))[..., None]).astype(np.uint8)


def dimming(image: np.ndarray, done: float) -> np.ndarray:
    """One side that gets dark, as of a slide holder that comes into the light."""
    shade = 1 - 0.5 * done * np.linspace(1, 0, image.shape[1])
    return np.asarray(image * shade[:, None]).astype(np.uint8)


@pytest.mark.parametrize("shade", [growing, moving, dimming])
def test_slow_shading_is_never_a_mask(shade: Callable[[np.ndarray, float], np.ndarray]) -> None:
    """Long enough for checks and for overlays to be told."""
    frames = 2 * CHECKED_EVERY + 40
    mask = FieldMask()
    with OpenCamera(DemoCamera(5, max_step_px=120.0, frames=frames)) as camera:
        for number in range(frames):
            frame = camera.read(60.0)
            frame = replace(frame, image=shade(frame.image, number / frames))
            aperture = mask.aperture_of(frame)
            mask.learn(FieldView(frame.image, aperture))
            assert mask.aperture.is_whole, number
    assert mask.overlays_told
    assert mask.tallies() == {}
    assert mask.of_picture(frame.image).is_whole
