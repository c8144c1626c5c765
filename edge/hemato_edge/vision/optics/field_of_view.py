"""What of one picture is slide: bars, the dark around an eyepiece's circle and stripes are found by their look alone.

A bar is made of rows that show one colour from end to end, and that is not the colour of glass; it ends in a step. An
eyepiece leaves a convex field whose surroundings are dark, or of one colour, out to the picture's corners. A lamp that
falls off towards the corners leaves neither a step nor black, and is not masked; nor is a dark nucleus at the border,
whose outline bulges into the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.aperture import Aperture
from hemato_edge.vision.optics.overlays import covered_by
from hemato_edge.vision.optics.stain import background_colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hemato_edge.values import Image

    Rectangle = tuple[int, int, int, int]

BARS, ROUND, SHAPE, STRIPE = "bars", "round", "shape", "stripe"
"""What an aperture was made from."""
UNTOLD_DARK = "dark"
"""Why an aperture cannot be told: the picture shows hardly any light."""
UNTOLD_SOFT = "soft"
"""Why an aperture cannot be told: its rim is as soft as a lamp that falls off."""
LEAST_SIDE_PX = 200
"""A picture with a shorter side than this is a piece of a field, cut by a program: it has no rim."""
DARK_SHARES = (0.38, 0.5)
"""Less of the glass's light than this is no slide, where it reaches the border: nuclei keep more in one channel. The
second is tried where reflections surround the field."""
BLACK_SHARE = 0.25
"""The median of what surrounds an aperture is darker than this."""
FOREIGN = 25.0
"""A colour that differs by so many levels from glass in one channel is not glass."""
_LEAST_GLASS = 40.0
_EVEN_BORDER = 20.0
_OTHER_HUE = 0.08
_HOLDS = 0.9
_CHUNKS = 40
_UNIFORM = 8.0
_NOISE_SPANS = 4.5
_UNIFORM_SHARE = 0.97
_TEXT_SHARE = 0.7
_STEP = 15.0
_STEP_PX = 3
_WIDEST_BAR = 0.45
_SIDE = 240
_LEAST_OUTSIDE = 0.004
_LEAST_COLOURED = 0.04
_LEAST_CORNERS = 2
_OUTSIDE_DARK = 0.96
_INSIDE_LIT = 0.55
_CIRCLE_OFF = 0.012
_KNOWN_CIRCLE_OFF = 0.05
_CORNER = 0.03
_THREAD = 9
_RIM = 0.8
_LONG_STRIPE = 0.4
_WIDEST_STRIPE = 0.08
_SOFT_RIM = 0.2


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one picture shows of its field of view.

    Attributes:
        aperture: what of it is slide.
        untold: why that cannot be told, or None.
    """

    aperture: Aperture
    untold: str | None = None


def find_aperture(image: Image, *, round_field: bool = False) -> Sighting:
    """What of a picture (H, W, 3) uint8 BGR is slide, by its look alone.

    With `round_field` somebody knows that the field is round: its rim may be as soft as it likes.
    """
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE_PX:
        return Sighting(Aperture.whole(width, height))
    glass = _central_glass(image)
    if float(glass.max()) < _LEAST_GLASS:
        return Sighting(Aperture.whole(width, height), UNTOLD_DARK)
    kinds: list[str] = []
    rectangle = without_bars(image, glass)
    hull, kind, untold = _lit_hull(_part(image, rectangle), glass, round_field=round_field)
    if kind == BARS:
        rectangle = without_bars(image, glass, _TEXT_SHARE)
    if rectangle != (0, 0, width, height):
        kinds.append(BARS)
    hidden = None
    if hull is not None:
        rectangle, hidden = _tightened(rectangle, ~hull)
        kinds.append(kind)
    inner = _part(image, rectangle)
    found = Aperture((width, height), rectangle, hidden, None, tuple(kinds))
    stripes = find_stripes(inner, glass, hidden)
    return Sighting(found if stripes is None else covered_by(found, stripes, STRIPE), untold)


def rough_glass(image: Image) -> NDArray[np.float64]:
    """(3,) BGR about as bright as glass, from a few pixels in the middle of a picture."""
    height, width = image.shape[:2]
    sample = image[height // 4 : height - height // 4 : 16, width // 4 : width - width // 4 : 16].reshape(-1, 3)
    return np.asarray(np.quantile(sample, 0.85, axis=0), np.float64)


def is_suspicious(image: Image) -> bool:
    """Whether a glance at a picture's border, corners and rows asks for a closer look by `find_aperture`."""
    if min(image.shape[:2]) < LEAST_SIDE_PX:
        return False
    glass = rough_glass(image)
    if float(glass.max()) < _LEAST_GLASS:
        return True
    for line in (image[0, ::8], image[-1, ::8], image[::8, 0], image[::8, -1]):
        chunks = line[: len(line) // 8 * 8].reshape(8, -1, 3).mean(axis=1)
        if np.abs(chunks.mean(axis=0) - glass).max() > FOREIGN and np.ptp(chunks, axis=0).max() < _EVEN_BORDER:
            return True
    ends = slice(0, 6, 2), slice(-6, None, 2)
    corners = np.stack([image[y, x].reshape(-1, 3) for y in ends for x in ends])
    middles = corners.mean(axis=1)
    if float(middles.max(axis=1).min()) < DARK_SHARES[0] * float(glass.max()):
        return True
    even = np.ptp(corners, axis=1).max(axis=1) < 2 * _UNIFORM
    share = middles / np.maximum(glass, 1)  # a lamp that falls off dims all channels alike
    foreign = (np.ptp(share, axis=1) > _OTHER_HUE) & (np.abs(middles - glass).max(axis=1) > FOREIGN)
    if np.count_nonzero(even & foreign) >= _LEAST_CORNERS:
        return True
    for lines in (image[:, 8 :: image.shape[1] // 16, 1], image[8 :: image.shape[0] // 16, :, 1].T):
        low, high = lines.min(axis=1), lines.max(axis=1)
        if np.any((high - low < 2 * _UNIFORM) & (np.abs((high.astype(np.int16) + low) / 2 - glass[1]) > FOREIGN)):
            return True
    return False


def still_holds(aperture: Aperture, image: Image) -> bool:
    """Whether what an aperture hides of a frame is as uniform or dark as ever, and its rim still shows light inside."""
    glass = rough_glass(image)
    x0, y0, x1, y1 = aperture.rectangle
    outside = np.ones(image.shape[:2], np.bool_)
    outside[y0:y1, x0:x1] = False if aperture.hidden is None else aperture.hidden
    level = image[::8, ::8].astype(np.float32)
    hidden = outside[::8, ::8]
    near = cv2.dilate(hidden.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    ring = near & ~hidden
    if not hidden.any() or not ring.any():
        return False
    common = np.median(level[hidden], axis=0)
    alike = np.abs(level - common).max(axis=2) < FOREIGN
    dark = level.max(axis=2) < DARK_SHARES[1] * float(glass.max())
    nothing = alike if np.abs(common - glass).max() > FOREIGN else dark
    if dark[hidden].mean() > _HOLDS:
        nothing = dark
    return bool(nothing[hidden].mean() > _HOLDS and nothing[ring].mean() < 1 - _INSIDE_LIT)


def _part(image: Image, rectangle: Rectangle) -> Image:
    x0, y0, x1, y1 = rectangle
    part: Image = image[y0:y1, x0:x1]
    return part


def _central_glass(image: Image) -> NDArray[np.float64]:
    """(3,) BGR of empty glass in the middle quarter of a picture."""
    height, width = image.shape[:2]
    middle = image[height // 4 : height - height // 4, width // 4 : width - width // 4]
    step = max(1, min(middle.shape[:2]) // 128)
    return background_colour(np.ascontiguousarray(middle[::step, ::step]))


def without_bars(image: Image, glass: NDArray[np.float64], share: float = _UNIFORM_SHARE) -> Rectangle:
    """x0, y0, x1, y1 of a picture without the bars at its sides, pixels.

    Args:
        image: (H, W, 3) uint8 BGR.
        glass: (3,) BGR of empty glass.
        share: of a row that has to show the bar's colour; text may hide the rest.
    """
    x0, y0, x1, y1 = 0, 0, image.shape[1], image.shape[0]
    for _ in range(2):  # a row of the field is uniform up to the bars at its ends only once these are gone
        part = image[y0:y1, x0:x1]
        rows = _profile(part)
        top, bottom = _bar(rows, glass, share), _bar(rows[::-1], glass, share)
        columns = _profile(part[top : len(part) - bottom].transpose(1, 0, 2))
        left, right = _bar(columns, glass, share), _bar(columns[::-1], glass, share)
        if not (top or bottom or left or right):
            break
        x0, y0, x1, y1 = x0 + left, y0 + top, x1 - right, y1 - bottom
    return x0, y0, x1, y1


def _profile(image: Image) -> NDArray[np.float32]:
    """(H, chunks, 3) float32: the means of the chunks of every row."""
    chunks = min(_CHUNKS, image.shape[1])
    return np.asarray(
        cv2.resize(np.ascontiguousarray(image), (chunks, image.shape[0]), interpolation=cv2.INTER_AREA), np.float32
    )


def _bar(rows: NDArray[np.float32], glass: NDArray[np.float64], share: float) -> int:
    """How many rows (N, chunks, 3) from the first one on are a bar."""
    like = _uniform(rows, glass, share)
    colour = np.median(rows[0], axis=0)
    like &= np.abs(np.median(rows, axis=1) - colour).max(axis=1) <= FOREIGN
    count = int(np.argmin(like)) if not like.all() else len(rows)
    if count == 0 or count > _WIDEST_BAR * len(rows):
        return 0
    beyond = rows[min(count + _STEP_PX, len(rows) - 1)]
    if float(np.abs(beyond - np.median(rows[count - 1], axis=0)).max(axis=1).mean()) < _STEP:
        return 0
    return count + _edge(rows, count)


def _edge(rows: NDArray[np.float32], count: int) -> int:
    """How many rows behind a bar are neither bar nor field: rounding, ringing, a soft edge."""
    bar, field = np.median(rows[count - 1], axis=0), np.median(rows[count + _STEP_PX : count + 8], axis=(0, 1))
    span = field - bar
    far = int(np.argmax(np.abs(span)))
    if not abs(span[far]) > _STEP:
        return 0
    share = (np.median(rows[count : count + _STEP_PX, :, far], axis=1) - bar[far]) / span[far]
    return int(np.argmax(np.append(share >= _RIM, True)))


def _uniform(rows: NDArray[np.float32], glass: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """(N,) bool: which rows (N, chunks, 3) show one colour, and one that is not that of glass."""
    colour = np.median(rows, axis=1)
    off = np.abs(rows - colour[:, None]).max(axis=2)
    noise = np.median(np.abs(np.diff(rows, axis=0, append=rows[-1:])).max(axis=2), axis=1)
    spread = np.quantile(off, share, axis=1)
    foreign = np.abs(colour - glass).max(axis=1) > FOREIGN
    return np.asarray((spread <= _UNIFORM + _NOISE_SPANS * noise) & foreign, np.bool_)


def find_stripes(
    image: Image, glass: NDArray[np.float64], hidden: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_] | None:
    """(H, W) bool: stripes of one foreign colour from end to end of a picture (H, W, 3); None where there are none."""
    found = np.zeros(image.shape[:2], np.bool_)
    shown = None if hidden is None else (~hidden).astype(np.float32)
    for flip in (False, True):
        turned = image.transpose(1, 0, 2) if flip else image
        share = None if shown is None else (shown.T if flip else shown)
        for start, end in _stripes(turned, glass, share):
            (found.T if flip else found)[start:end] = True
    return found if found.any() else None


def _stripes(image: Image, glass: NDArray[np.float64], shown: NDArray[np.float32] | None) -> list[tuple[int, int]]:
    rows = _profile(image)
    like = _uniform(rows, glass, _UNIFORM_SHARE) if shown is None else _uniform_within(rows, glass, shown)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], like, [False]]).astype(np.int8)))
    found = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        before, behind = start - _STEP_PX, end - 1 + _STEP_PX
        if end - start > _WIDEST_STRIPE * len(rows) or before < 0 or behind >= len(rows):
            continue
        inside = np.median(rows[start:end], axis=(0, 1))
        if all(float(np.abs(rows[i] - inside).max(axis=1).mean()) > _STEP for i in (before, behind)):
            found.append((start - 1, end + 1))
    return found


def _uniform_within(
    rows: NDArray[np.float32], glass: NDArray[np.float64], shown: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """As `_uniform`, of the chunks that lie in what is shown, (H, W) float32, wherever that is a good part of a row."""
    part = np.asarray(cv2.resize(np.ascontiguousarray(shown), rows.shape[1::-1], interpolation=cv2.INTER_AREA))
    whole = (part > 0.99)[..., None]
    low = np.where(whole, rows, np.float32(255)).min(axis=1)
    high = np.where(whole, rows, np.float32(0)).max(axis=1)
    wide = np.count_nonzero(whole, axis=1)[:, 0] >= _LONG_STRIPE * rows.shape[1]
    foreign = np.abs((low + high) / 2 - glass).max(axis=1) > FOREIGN
    return np.asarray(wide & foreign & ((high - low).max(axis=1) <= 2 * _UNIFORM), np.bool_)


def _lit_hull(
    image: Image, glass: NDArray[np.float64], *, round_field: bool
) -> tuple[NDArray[np.bool_] | None, str, str | None]:
    """The convex field (H, W) bool in dark or one-coloured surroundings, its kind, and why it cannot be told.

    None where the surroundings reach no corner, or the field is all there is.
    """
    height, width = image.shape[:2]
    factor = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA), np.uint8)
    for dark, (surroundings, light) in zip((True, True, False), _surroundings(small, glass), strict=False):
        lit = _largest(~_at_the_border(surroundings))
        if lit is None:
            continue
        hull = _hull(lit)
        outside = ~hull
        corners = int(outside[:: len(outside) - 1, :: outside.shape[1] - 1].sum())
        if outside.mean() < (_LEAST_OUTSIDE if dark else _LEAST_COLOURED) or corners < _LEAST_CORNERS:
            continue
        if surroundings[outside].mean() < _OUTSIDE_DARK or (~surroundings)[hull].mean() < _INSIDE_LIT:
            continue
        if dark and float(np.median(light[outside])) > BLACK_SHARE * float(glass.max()):
            continue
        circle = _circle(hull, _KNOWN_CIRCLE_OFF if round_field else _CIRCLE_OFF)
        if circle is None and not (dark and corners == 4):
            continue
        if circle is None:
            box = cv2.boundingRect(hull.astype(np.uint8))
            if hull.sum() > 0.985 * box[2] * box[3]:
                return None, BARS, None
            inner = cv2.erode(hull.astype(np.uint8), np.ones((3, 3), np.uint8))
            large = cv2.resize(inner * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR) > 250
            return large, SHAPE, None
        x, y, radius = circle
        edge = _rim(light, x, y, radius)
        if edge is None and round_field:
            edge = radius
        if edge is None:
            return None, "", UNTOLD_SOFT
        rows, columns = np.ogrid[:height, :width]
        far = np.hypot((columns + 0.5) * (size[0] / width) - 0.5 - x, (rows + 0.5) * (size[1] / height) - 0.5 - y)
        return np.asarray(far <= edge, np.bool_), ROUND, None
    return None, "", None


def _surroundings(small: Image, glass: NDArray[np.float64]) -> list[tuple[NDArray[np.bool_], NDArray[np.float32]]]:
    """What may surround the field, (h, w) bool: the dark, and the one colour of the corners.

    Each comes with how far every pixel is from it, (h, w) float32.
    """
    brightest = small.max(axis=2).astype(np.float32)
    found = [(brightest < share * float(glass.max()), brightest) for share in DARK_SHARES]
    height, width = brightest.shape
    side = max(2, round(_CORNER * min(height, width)))
    corners = [
        small[y : y + side, x : x + side].reshape(-1, 3).astype(np.float32)
        for y in (0, height - side)
        for x in (0, width - side)
    ]
    middles = np.array([np.median(one, axis=0) for one in corners])
    spreads = np.array([np.quantile(np.abs(one - np.median(one, axis=0)).max(axis=1), 0.9) for one in corners])
    for i in np.argsort(spreads).tolist():
        alike = (np.abs(middles - middles[i]).max(axis=1) < _UNIFORM) & (spreads < 2 * _UNIFORM)
        if alike.sum() >= 2 and float(np.abs(middles[i] - glass).max()) > FOREIGN:
            reach = max(_UNIFORM, 2.0 * float(spreads[alike].max())) + _UNIFORM
            off = np.abs(small.astype(np.float32) - middles[i]).max(axis=2)
            found.append((off < reach, np.minimum(off, float(np.abs(middles[i] - glass).max()))))
            break
    return found


def _at_the_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of a mask (h, w) that touch its border."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    return np.asarray(np.isin(labels, touching[touching > 0]), np.bool_)


def _largest(lit: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The largest part of a mask (h, w), without what hangs on it by a thread; None where it is under a tenth."""
    opened = cv2.morphologyEx(lit.astype(np.uint8), cv2.MORPH_OPEN, np.ones((_THREAD, _THREAD), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    if count < 2:
        return None
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return labels == best if stats[best, cv2.CC_STAT_AREA] > 0.1 * lit.size else None


def _hull(lit: NDArray[np.bool_]) -> NDArray[np.bool_]:
    points = cv2.findNonZero(lit.astype(np.uint8))
    filled = np.zeros(lit.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points), [1])
    return filled > 0


def _circle(hull: NDArray[np.bool_], most_off: float) -> tuple[float, float, float] | None:
    """x, y, radius of the circle whose part within the picture `hull` is, pixels; None where it is none."""
    height, width = hull.shape
    contour = max(cv2.findContours(hull.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)
    points = contour[:, 0].astype(np.float64)
    free = (points > 1.5).all(axis=1) & (points[:, 0] < width - 2.5) & (points[:, 1] < height - 2.5)
    points = points[free]
    if len(points) < 12:
        return None
    kept = np.ones(len(points), np.bool_)
    x = y = radius = 0.0
    for _ in range(4):
        if kept.sum() < 12:
            return None
        chosen = points[kept]
        rows = np.column_stack([2 * chosen, np.ones(len(chosen))])
        (x, y, rest), *_ = np.linalg.lstsq(rows, (chosen**2).sum(axis=1), rcond=None)
        radius = float(np.sqrt(max(rest + x * x + y * y, 0.0)))
        off = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
        kept = off <= max(1.0, 2 * float(np.median(off)))
    if not 0.2 * min(height, width) < radius < 3 * max(height, width):
        return None
    ys, xs = np.ogrid[:height, :width]
    disc = np.hypot(xs - x, ys - y) <= radius
    return (float(x), float(y), radius) if np.mean(disc != hull) < most_off else None


def _rim(level: NDArray[np.float32], x: float, y: float, radius: float) -> float | None:
    """The radius up to which a round field is as bright as further inside, pixels; None where it falls off slowly."""
    rows, columns = np.ogrid[: level.shape[0], : level.shape[1]]
    far = np.hypot(columns - x, rows - y)
    steps = np.arange(0.72 * radius, 1.08 * radius, 0.5)
    ring = np.digitize(far, steps)
    light = np.array(
        [np.quantile(level[ring == i], 0.8) if (ring == i).any() else np.nan for i in range(1, len(steps))]
    )
    inside = float(np.nanmax(light[: len(light) // 3]))
    outside = float(np.nanmin(light[len(light) // 2 :]))
    if not np.isfinite(inside + outside):
        return None
    share = (light - outside) / max(abs(inside - outside), 1.0)
    return _crossing(steps, share, radius)


def _crossing(steps: NDArray[np.float64], share: NDArray[np.float64], radius: float) -> float | None:
    middle = next((i for i in range(len(share)) if share[i] < 0.5), None)
    if middle is None:
        return float(radius) - 1
    start = next((i for i in range(middle, -1, -1) if share[i] >= _RIM), 0)
    end = next((i for i in range(middle, len(share)) if share[i] < 0.25), len(share))
    if steps[min(end, len(steps) - 1)] - steps[start] > _SOFT_RIM * radius:
        return None
    return float(steps[start])


def _tightened(rectangle: Rectangle, hidden: NDArray[np.bool_]) -> tuple[Rectangle, NDArray[np.bool_] | None]:
    """The rectangle around what is not hidden, and the mask in it."""
    x, y, width, height = cv2.boundingRect((~hidden).astype(np.uint8))
    x0, y0 = rectangle[0] + x, rectangle[1] + y
    inner = hidden[y : y + height, x : x + width]
    return (x0, y0, x0 + width, y0 + height), (np.ascontiguousarray(inner) if inner.any() else None)
