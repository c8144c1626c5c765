"""Fields as a stranger's rig shows them: bars, a round eyepiece, and what is drawn over the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

Obstruction = Callable[[np.ndarray, int], np.ndarray]
"""A field (H, W, 3) uint8 BGR and the number of its frame → the frame that comes out of the rig."""


def bars(
    sides: tuple[int, int, int, int], colour: tuple[int, int, int] = (0, 0, 0), noise: float = 0.0, quality: int = 0
) -> Obstruction:
    """Bars of so many pixels at the top, bottom, left and right; noisy, or through a JPEG of that quality."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole = cv2.copyMakeBorder(field, *sides, cv2.BORDER_CONSTANT, value=colour)
        if noise:
            bar = np.ones(whole.shape[:2], bool)
            bar[sides[0] : len(whole) - sides[1], sides[2] : whole.shape[1] - sides[3]] = False
            shaken = whole + np.random.default_rng(number).normal(0, noise, whole.shape) * bar[..., None]
            whole = np.clip(shaken, 0, 255).astype(np.uint8)
        if quality:
            whole = cv2.imdecode(cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
        return whole

    return obstruct


def disc(shape: tuple[int, ...], middle: tuple[float, float], radius: float) -> np.ndarray:
    """(H, W) bool: a circle, its middle and radius in shares of width, height and the shorter side."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(x - middle[0] * shape[1], y - middle[1] * shape[0]) <= radius * min(shape[:2])


def eyepiece(
    middle: tuple[float, float] = (0.5, 0.5),
    radius: float = 0.47,
    colour: tuple[int, int, int] = (8, 8, 8),
    soft: float = 4.0,
) -> Obstruction:
    """A round field."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        light = disc(field.shape, middle, radius).astype(np.float32)
        light = (cv2.GaussianBlur(light, (0, 0), soft) if soft else light)[..., None]
        return (field * light + np.array(colour, np.float32) * (1 - light)).astype(np.uint8)

    return obstruct


def fringed(middle: tuple[float, float], radius: float, soft: float, apart_px: float) -> Obstruction:
    """A round field whose rim lies so many pixels further in for blue and further out for red than for green."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        seen = field.astype(np.float32)
        for channel, off in enumerate((-apart_px, 0.0, apart_px)):
            wide = disc(field.shape, middle, radius + off / min(field.shape[:2])).astype(np.float32)
            seen[..., channel] *= cv2.GaussianBlur(wide, (0, 0), soft)
        return np.maximum(seen, 6).astype(np.uint8)

    return obstruct


def flare(at: tuple[float, float], beside: Callable[[tuple[int, ...]], np.ndarray], level: float = 200) -> Obstruction:
    """A bright reflection outside of the field, its middle in shares of width and height."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        height, width = field.shape[:2]
        y, x = np.mgrid[:height, :width]
        far = np.hypot(x - at[0] * width, y - at[1] * height) / (0.1 * height)
        light = level * np.exp(-(far**2) / 2) * ~beside(field.shape)
        return np.clip(field + light[..., None], 0, 255).astype(np.uint8)

    return obstruct


def convex(
    outline: Callable[[tuple[int, ...]], np.ndarray], soft: float = 1.0, colour: tuple[int, int, int] = (0, 0, 0)
) -> Obstruction:
    """A field of any outline, (H, W) bool."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        light = cv2.GaussianBlur(outline(field.shape).astype(np.float32), (0, 0), soft)[..., None]
        return (field * light + np.array(colour, np.float32) * (1 - light)).astype(np.uint8)

    return obstruct


def ellipse(axes: tuple[float, float], degrees: float) -> Callable[[tuple[int, ...]], np.ndarray]:
    """(H, W) bool: an ellipse in the middle, its half axes in shares of the height, turned."""

    def outline(shape: tuple[int, ...]) -> np.ndarray:
        drawn = np.zeros(shape[:2], np.uint8)
        half = round(axes[0] * shape[0]), round(axes[1] * shape[0])
        cv2.ellipse(drawn, (shape[1] // 2, shape[0] // 2), half, degrees, 0, 360, 1, -1)
        return drawn > 0

    return outline


def turned(degrees: float, share: float) -> Callable[[tuple[int, ...]], np.ndarray]:
    """(H, W) bool: a rectangle of that share of the picture's sides in its middle, turned."""

    def outline(shape: tuple[int, ...]) -> np.ndarray:
        drawn = np.zeros(shape[:2], np.uint8)
        box = ((shape[1] / 2, shape[0] / 2), (share * shape[1], share * shape[0]), degrees)
        cv2.fillConvexPoly(drawn, np.rint(cv2.boxPoints(box)).astype(np.int32), [1])
        return drawn > 0

    return outline


def titled(height: int, colour: tuple[int, int, int], text: tuple[int, int, int]) -> Obstruction:
    """A bar below with a line of text that changes."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole = cv2.copyMakeBorder(field, 0, height, 0, 0, cv2.BORDER_CONSTANT, value=colour)
        foot = len(field) + height // 2 + 8
        cv2.putText(whole, f"Live 1920x1080 {number:04d}", (20, foot), cv2.FONT_HERSHEY_SIMPLEX, 0.8, text, 2)
        return whole

    return obstruct


def stripe(row: int, height: int, colour: tuple[int, int, int]) -> Obstruction:
    """A stripe from side to side."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole = field.copy()
        whole[row : row + height] = colour
        return whole

    return obstruct


def graded(below: int, beside: int, levels: tuple[int, int]) -> Obstruction:
    """Bars below and at both sides whose brightness changes along them, from the one level to the other."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        across = np.linspace(*levels, field.shape[1]).astype(np.uint8)[None, :, None]
        whole = np.vstack([field, np.tile(across, (below, 1, 3))])
        down = np.linspace(*levels, len(whole)).astype(np.uint8)[:, None, None]
        bar = np.tile(down, (1, beside, 3))
        return np.hstack([bar, whole, bar])

    return obstruct


LOGO_BOX = (158, 49)
"""Width and height of a logo, pixels."""


def logo(colour: tuple[int, int, int]) -> Obstruction:
    """A logo above right, white on a box of one colour."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole, (width, height) = field.copy(), LOGO_BOX
        x, y = field.shape[1] - width - 12, 12
        cv2.rectangle(whole, (x, y), (x + width - 1, y + height - 1), colour, -1)
        cv2.putText(whole, "MICRO", (x + 10, y + 36), cv2.FONT_HERSHEY_SIMPLEX, 1.1, WHITE, 3)
        return whole

    return obstruct


def scale_bar(colour: tuple[int, int, int]) -> Obstruction:
    """A scale bar with its length."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole, (height, width) = field.copy(), field.shape[:2]
        cv2.rectangle(whole, (width - 150, height - 32), (width - 40, height - 25), colour, -1)
        cv2.putText(whole, "20 um", (width - 130, height - 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2, cv2.LINE_AA)
        return whole

    return obstruct


def reticle(thickness: int = 2) -> Obstruction:
    """A cross with ticks."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole, (height, width) = field.copy(), field.shape[:2]
        cv2.line(whole, (0, height // 2), (width, height // 2), (0, 0, 0), thickness)
        cv2.line(whole, (width // 2, 0), (width // 2, height), (0, 0, 0), thickness)
        for x in range(0, width, 32):
            cv2.line(whole, (x, height // 2 - 6), (x, height // 2 + 6), (0, 0, 0), 1)
        return whole

    return obstruct


CLOCK_BOX = (296, 32)
"""Width and height of the box behind a clock, pixels."""


def clock(
    colour: tuple[int, int, int] = (255, 255, 255), box: bool = False, at: tuple[int, int] = (4, 4)
) -> Obstruction:
    """A date with seconds that run, its box's corner at x, y; negative ones count from the right and the bottom."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole = field.copy()
        x, y = _corner(at, field.shape)
        if box:
            cv2.rectangle(whole, (x, y), (x + CLOCK_BOX[0], y + CLOCK_BOX[1]), (0, 0, 0), -1)
        text = f"2026-11-28 14:{number // 60 % 60:02d}:{number % 60:02d}"
        cv2.putText(whole, text, (x + 6, y + 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2, cv2.LINE_AA)
        return whole

    return obstruct


def panel(
    box: tuple[int, int, int, int], opaque: float, colour: tuple[int, int, int] = (0, 0, 0), text: str = ""
) -> Obstruction:
    """A translucent box, x, y, width, height, as a program draws menus: so much of its colour, the rest of the field.

    A negative x or y counts from the right or the bottom; text is white, a line of it.
    """

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        whole, (x, y), (width, height) = field.copy(), _corner(box[:2], field.shape), box[2:]
        under = whole[y : y + height, x : x + width]
        under[:] = (under * (1 - opaque) + opaque * np.array(colour)).astype(np.uint8)
        if text:
            cv2.putText(whole, text, (x + 8, y + 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, WHITE, 1, cv2.LINE_AA)
        return whole

    return obstruct


def dust(spots: int = 8, depth: float = 0.55, soft: float = 2.5, seed: int = 3) -> Obstruction:
    """Soft dark spots on the sensor."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        chance, light = np.random.default_rng(seed), np.ones(field.shape[:2], np.float32)
        for _ in range(spots):
            spot = np.zeros(light.shape, np.float32)
            at = int(chance.integers(20, light.shape[1] - 20)), int(chance.integers(20, light.shape[0] - 20))
            cv2.circle(spot, at, int(chance.integers(6, 16)), 1.0, -1)
            light -= depth * cv2.GaussianBlur(spot, (0, 0), soft)
        return (field * np.clip(light, 0.2, 1)[..., None]).astype(np.uint8)

    return obstruct


def vignette(fall: float) -> Obstruction:
    """A lamp that falls off towards the corners, by that share."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        height, width = field.shape[:2]
        y, x = np.mgrid[:height, :width]
        off = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / ((width / 2) ** 2 + (height / 2) ** 2)
        return (field * (1 - fall * off)[..., None]).astype(np.uint8)

    return obstruct


def slope(fall: float, degrees: float) -> Obstruction:
    """A lamp off its axis: its light falls from one side or corner to the opposite one, by that share."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        height, width = field.shape[:2]
        y, x = np.mgrid[:height, :width]
        along = x * np.cos(np.radians(degrees)) + y * np.sin(np.radians(degrees))
        off = (along - along.min()) / np.ptp(along)
        return (field * (1 - fall * off)[..., None]).astype(np.uint8)

    return obstruct


def _corner(at: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int]:
    return at[0] % shape[1], at[1] % shape[0]


def then(*obstructions: Obstruction) -> Obstruction:
    """One obstruction after another."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        for one in obstructions:
            field = one(field, number)
        return field

    return obstruct


def through_jpeg(quality: int) -> Obstruction:
    """A JPEG of that quality."""
    return bars((0, 0, 0, 0), quality=quality)


def noise(levels: float) -> Obstruction:
    """A noisy sensor."""

    def obstruct(field: np.ndarray, number: int) -> np.ndarray:
        shaken = field + np.random.default_rng(number).normal(0, levels, field.shape)
        return np.clip(shaken, 0, 255).astype(np.uint8)

    return obstruct


@dataclass(frozen=True)
class Variation:
    """An obstruction, and what of the field (H, W) it leaves.

    `corner` is the row and column of the field's corner in what comes out, `sensor` what the plain field goes through.
    """

    obstruct: Obstruction
    shown: Callable[[tuple[int, ...]], np.ndarray]
    corner: tuple[int, int] = (0, 0)
    sensor: Obstruction | None = None

    def plain(self, field: np.ndarray, number: int) -> np.ndarray:
        """The field without the obstruction, through the same sensor."""
        return field if self.sensor is None else self.sensor(field, number)


def _whole(shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape[:2], bool)


def _barred(
    top: int,
    bottom: int,
    left: int,
    right: int,
    *,
    over: Obstruction | None = None,
    sensor: Obstruction | None = None,
    **how: object,
) -> Variation:
    seen = [bars((top, bottom, left, right), **how), *([over] if over else []), *([sensor] if sensor else [])]  # type: ignore[arg-type]
    return Variation(then(*seen), _whole, (top, left), sensor)


def _round(x: float, y: float, radius: float, *, sensor: Obstruction | None = None, **how: object) -> Variation:
    seen = [eyepiece((x, y), radius, **how), *([sensor] if sensor else [])]  # type: ignore[arg-type]
    return Variation(then(*seen), lambda shape: disc(shape, (x, y), radius), sensor=sensor)


def _convex(outline: Callable[[tuple[int, ...]], np.ndarray], **how: object) -> Variation:
    return Variation(convex(outline, **how), outline)  # type: ignore[arg-type]


def _flared(x: float, y: float, radius: float, at: tuple[float, float]) -> Variation:
    def shown(shape: tuple[int, ...]) -> np.ndarray:
        return disc(shape, (x, y), radius)

    return Variation(then(eyepiece((x, y), radius, soft=2.0), flare(at, shown)), shown)


def _boxed(
    at: tuple[int, int], *, sensor: Obstruction | None = None, colour: tuple[int, int, int] = (255, 255, 255)
) -> Variation:
    def shown(shape: tuple[int, ...]) -> np.ndarray:
        free, (x, y) = _whole(shape), _corner(at, shape)
        free[y : y + CLOCK_BOX[1] + 1, x : x + CLOCK_BOX[0] + 1] = False
        return free

    return Variation(then(clock(colour, box=True, at=at), *([sensor] if sensor else [])), shown, sensor=sensor)


def _panelled(
    box: tuple[int, int, int, int],
    opaque: float,
    colour: tuple[int, int, int] = (0, 0, 0),
    text: str = "",
    sensor: Obstruction | None = None,
) -> Variation:
    def shown(shape: tuple[int, ...]) -> np.ndarray:
        free, (x, y) = _whole(shape), _corner(box[:2], shape)
        free[y : y + box[3], x : x + box[2]] = False
        return free

    return Variation(then(panel(box, opaque, colour, text), *([sensor] if sensor else [])), shown, sensor=sensor)


def _lit(lamp: Obstruction) -> Variation:
    return Variation(lamp, _whole)


def _with_logo(colour: tuple[int, int, int], sensor: Obstruction | None = None) -> Variation:
    def shown(shape: tuple[int, ...]) -> np.ndarray:
        free = _whole(shape)
        free[12 : 12 + LOGO_BOX[1], -12 - LOGO_BOX[0] : -12] = False
        return free

    return Variation(then(logo(colour), *([sensor] if sensor else [])), shown, sensor=sensor)


def _striped(row: int, height: int, colour: tuple[int, int, int], *, sensor: Obstruction | None = None) -> Variation:
    def shown(shape: tuple[int, ...]) -> np.ndarray:
        free = _whole(shape)
        free[row : row + height] = False
        return free

    seen = then(stripe(row, height, colour), *([sensor] if sensor else []))
    return Variation(seen, shown if height > _BRIDGED_PX else _whole, sensor=sensor)


def _over(obstruction: Obstruction, *, sensor: Obstruction | None = None) -> Variation:
    return Variation(then(obstruction, *([sensor] if sensor else [])), _whole, sensor=sensor)


_BRIDGED_PX = 15
"""A wider stripe hides cells whole."""
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
VARIATIONS = {
    "bars 20": _barred(0, 0, 20, 20),
    "bars 107": _barred(0, 0, 107, 107),
    "bar 5 above": _barred(5, 0, 0, 0),
    "bar 33 below": _barred(0, 33, 0, 0),
    "bars on three sides": _barred(11, 0, 47, 5),
    "bars grey": _barred(0, 0, 60, 60, colour=(128, 128, 128)),
    "bars dark, noisy": _barred(40, 40, 0, 0, colour=(20, 20, 20), noise=12),
    "bars white": _barred(30, 30, 0, 0, colour=WHITE),
    "bars green": _barred(0, 0, 37, 37, colour=(0, 135, 0)),
    "bars JPEG 30": _barred(0, 0, 53, 53, sensor=through_jpeg(30)),
    "bars blue JPEG 60": _barred(0, 0, 71, 71, colour=(200, 40, 10), sensor=through_jpeg(60)),
    "bars noisy sensor": _barred(0, 0, 80, 80, sensor=noise(6)),
    "round": _round(0.5, 0.5, 0.47),
    "round large": _round(0.5, 0.5, 0.58),
    "round small": _round(0.5, 0.5, 0.36),
    "round off centre": _round(0.42, 0.55, 0.5),
    "round off centre right": _round(0.6, 0.45, 0.44, soft=2.0, colour=(3, 3, 6)),
    "round off the frame": _round(0.35, 0.6, 0.62, soft=3.0),
    "round hard black": _round(0.5, 0.5, 0.47, soft=0.0, colour=BLACK),
    "round soft": _round(0.5, 0.5, 0.5, soft=8.0),
    "round white around": _round(0.5, 0.5, 0.47, soft=1.0, colour=WHITE),
    "round green around": _round(0.5, 0.5, 0.47, soft=1.0, colour=(0, 160, 0)),
    "round brown around": _round(0.53, 0.48, 0.46, soft=3.0, colour=(10, 20, 35)),
    "round JPEG 40": _round(0.45, 0.5, 0.48, sensor=through_jpeg(40)),
    "round noisy": _round(0.5, 0.5, 0.47, sensor=noise(6), colour=(15, 15, 15)),
    "round in bars": Variation(
        then(eyepiece(radius=0.52), bars((0, 0, 80, 80))), lambda shape: disc(shape, (0.5, 0.5), 0.52), (0, 80)
    ),
    "round with a clock": Variation(then(eyepiece(radius=0.5), clock()), lambda shape: disc(shape, (0.5, 0.5), 0.5)),
    "round very soft": _round(0.45, 0.5, 0.44, soft=14.0, colour=(40, 25, 20)),
    "round fringed": Variation(fringed((0.5, 0.5), 0.47, 4.0, 4.0), lambda shape: disc(shape, (0.5, 0.5), 0.47)),
    "round with a flare": _flared(0.5, 0.5, 0.45, (0.99, 0.5)),
    "ellipse turned": _convex(ellipse((0.52, 0.43), 30), soft=5.0),
    "picture turned 5": _convex(turned(5, 0.85)),
    "picture turned 12, brown around": _convex(turned(12, 0.8), colour=(20, 40, 60)),
    "bar with text": Variation(titled(60, BLACK, WHITE), _whole),
    "bar white with text": Variation(titled(60, WHITE, BLACK), _whole),
    "bar below, its brightness changing": Variation(graded(60, 0, (0, 70)), _whole),
    "bars beside, their brightness changing": Variation(graded(0, 50, (20, 120)), _whole, (0, 50)),
    "logo blue": _with_logo((180, 90, 20)),
    "logo green JPEG 60": _with_logo((60, 160, 60), through_jpeg(60)),
    "stripe green 6": _striped(144, 6, (0, 255, 0)),
    "stripe black 12": _striped(144, 12, BLACK),
    "stripe black 24": _striped(300, 24, BLACK),
    "stripe magenta JPEG": _striped(200, 8, (255, 0, 255), sensor=through_jpeg(50)),
    "scale bar black": _over(scale_bar(BLACK)),
    "scale bar white": _over(scale_bar(WHITE)),
    "scale bar red JPEG": _over(scale_bar((0, 0, 255)), sensor=through_jpeg(60)),
    "reticle 1": _over(reticle(1)),
    "reticle 2": _over(reticle(2)),
    "reticle 4": _over(reticle(4)),
    "clock white": _over(clock()),
    "clock black below": _over(clock(BLACK, at=(4, -40))),
    "clock yellow": _over(clock((0, 255, 255), at=(-310, 4))),
    "clock green JPEG 40": _over(clock((0, 255, 0), at=(-310, -40)), sensor=through_jpeg(40)),
    "clock in a box": _boxed((4, 4)),
    "clock in a box below right": _boxed((-310, -40), colour=(0, 255, 255)),
    "clock in a box JPEG 30": _boxed((170, 0), sensor=through_jpeg(30)),
    "dust": _over(dust()),
    "dust deep": _over(dust(14, 0.75)),
    "dust soft": _over(dust(20, 0.25, 5.0)),
    "panel half": _panelled((40, 60, 230, 44), 0.5),
    "panel a fifth": _panelled((-300, -90, 230, 44), 0.2),
    "panel grey with text JPEG 70": _panelled((200, 0, 180, 90), 0.6, (128, 128, 128), "MENU", through_jpeg(70)),
    "text blue": _over(clock((255, 60, 30), at=(120, 200))),
    "lamp falling to the corners": _lit(vignette(0.5)),
    "lamp falling to a side": _lit(slope(0.5, 0.0)),
    "lamp falling to a corner": _lit(slope(0.5, 130.0)),
    "round purple around": _round(0.47, 0.52, 0.46, soft=2.0, colour=(70, 25, 60)),
    "round in a letterbox with a clock": Variation(
        then(eyepiece(radius=0.49), bars((48, 48, 0, 0)), clock(at=(4, -40))),
        lambda shape: disc(shape, (0.5, 0.5), 0.49),
        (48, 0),
    ),
    "bars and a clock": _barred(0, 0, 40, 40, over=clock()),
    "bars and a scale bar": _barred(20, 20, 0, 0, over=scale_bar(WHITE)),
}
"""Name → what a stranger's rig may do, with the part of the field that is left."""
