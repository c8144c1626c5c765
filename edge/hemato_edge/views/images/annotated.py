"""Pictures for people: a field with its boxes, a cell with what spoke for its label."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.labels import BY_NAME, PLATELET, RBC, UNCLASSIFIED, WBC
from hemato_edge.output_files import check_replaceable, write_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Detections, Image, Judgement

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""
_KIND_COLOURS = {WBC: "#1f1f1f", RBC: "#dc3c3c", PLATELET: "#0082c8"}
"""Of what the classifier did not name."""
_KIND_WORDS = {WBC: "white cell", RBC: "red cell", PLATELET: "platelet"}
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LETTERS_PER_CELL = 0.2
"""Height of the letters, in diameters of a typical cell: a label stays beside its cell at every magnification."""
_LEAST_PX, _MOST_PX = 8.0, 60.0
"""Smallest and largest height of letters, pixels."""
_LIGHT = 140.0
"""Brightness of a colour (ITU-R BT.601) from which on black letters are read better than white ones."""
_FONT_PX = 22.0
"""Height of a capital of the font at scale 1, pixels."""

_NOTICE, _CAPTION = (70, 70, 70), (40, 40, 40)
"""Colours behind a notice and behind the caption of one cell."""


class _Bar(NamedTuple):
    """What words are written on."""

    colour: Colour
    size: float
    """Scale of the font."""


def annotate_field(image: Image, detections: Detections, judged: Mapping[int, Judgement]) -> Image:
    """A field (H, W, 3) uint8 BGR with a box round every cell, labels on those judged, and a legend of the colours.

    Letters and lines grow with the cells; a class has the colour of `labels.CellClass`.

    Args:
        image: the field.
        detections: what was found in it.
        judged: index into `detections` → the classifier's answer.
    """
    picture = image.copy()
    size = _letter_size(image, detections)
    thick = max(1, round(2 * size))
    legend: dict[str, Colour] = {}
    for i in sorted(range(len(detections)), key=lambda i: i in judged):
        x0, y0, x1, y1 = (round(float(v)) for v in detections.boxes[i])
        kind = int(detections.kinds[i])
        words, colour = _KIND_WORDS[kind], _bgr(_KIND_COLOURS[kind])
        if i in judged:
            known = BY_NAME[judged[i].label]
            words, colour = known.words, _bgr(known.colour)
        legend.setdefault(words, colour)
        width = 2 * thick if kind == WBC else thick
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, width, cv2.LINE_AA)
        if i in judged:
            _tag(picture, _caption(judged[i]), (x0, y0), _Bar(colour, size))
    _draw_legend(picture, legend, size)
    _tag(picture, RESEARCH_USE_NOTICE, (0, picture.shape[0]), _Bar(_NOTICE, 0.8 * size))
    return picture


def _letter_size(image: Image, detections: Detections) -> float:
    """The font's scale for cells of this size; by the picture where there are none."""
    sides = np.sqrt(np.prod(detections.boxes[:, 2:] - detections.boxes[:, :2], axis=1)) if len(detections) else ()
    cell_px = float(np.median(sides)) if len(detections) else max(image.shape[:2]) / 12
    return float(np.clip(_LETTERS_PER_CELL * cell_px, _LEAST_PX, _MOST_PX)) / _FONT_PX


def _draw_legend(picture: Image, legend: Mapping[str, Colour], size: float) -> None:
    """The colours and what they mean, down from the upper right corner."""
    bottom = 0
    for words, colour in legend.items():
        bottom = _tag(picture, words, (picture.shape[1], bottom), _Bar(colour, 0.8 * size), below=True)


def _bgr(colour: str) -> Colour:
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def explain_cell(crop: Image, activation: NDArray[np.float32], judgement: Judgement) -> Image:
    """A crop beside itself under its activation map, (S, 2 S, 3) uint8 BGR, enlarged to S of at least 336.

    Args:
        crop: (s, s, 3) uint8 BGR, what the classifier saw.
        activation: (h, w) float32, the class activation map of the label; only what speaks for it is shown.
        judgement: the classifier's answer.
    """
    side = max(336, crop.shape[0])
    large = cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC)
    positive = np.maximum(activation, 0)
    share = positive / max(float(positive.max()), 1e-6)
    smooth = np.clip(cv2.resize(share, (side, side), interpolation=cv2.INTER_CUBIC), 0, 1)
    heat = cv2.applyColorMap((smooth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = (0.6 * smooth)[..., None]
    mixed = (large * (1 - weight) + heat * weight).astype(np.uint8)
    pair = np.hstack([large, mixed])
    _tag(pair, _caption(judgement), (0, 0), _Bar(_CAPTION, 0.5))
    _tag(pair, RESEARCH_USE_NOTICE, (0, side), _Bar(_NOTICE, 0.36))
    return pair


def write_picture(path: Path, picture: Image, inputs: Iterable[Path] = ()) -> None:
    """Write a picture; the suffix tells the format.

    Args:
        path: the file; its folder is made.
        picture: (H, W, 3) uint8 BGR.
        inputs: files that must not be replaced.

    Raises:
        ImageError: if the folder cannot be made, or the suffix is none of a picture.
        OutputError: it cannot be written, or is one of `inputs`.
    """
    from hemato_edge.errors import ImageError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        good, content = cv2.imencode(path.suffix, picture)
    except cv2.error:
        good = False
    except OSError as error:
        raise ImageError(f"{path} cannot be written ({error.strerror}).", "Name a folder you may write to.") from error
    if not good:
        raise ImageError(f"{path} cannot be written as {path.suffix}.", "Use .png or .jpg.")
    write_aside(path, content.tobytes(), inputs)


def check_picture(path: Path) -> None:
    """Refuse to write a PNG to `path` where a file lies that is none of this program's pictures.

    Raises:
        OutputError: there is one.
    """
    check_replaceable(path, cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes())


def output_names(inputs: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Input → the PNG in `folder` that is made from it: its stem, with more of its path where two would be one file."""
    names: dict[Path, Path] = {}
    taken: set[str] = set()
    for path in inputs:
        name, above = path.stem, list(path.parent.parts)
        if name.lower() in taken:
            name = path.name.replace(".", "-")
        while name.lower() in taken and above:
            name = f"{above.pop().strip('/') or 'root'}-{name}"
        number = 2
        while name.lower() in taken:
            name, number = f"{path.stem}-{number}", number + 1
        taken.add(name.lower())
        names[path] = folder / f"{name}.png"
    return names


def page_target(targets: Mapping[Path, Path], path: Path) -> Path:
    """Where the picture of `path` goes, which may be a page of a file, such as `stack.tif[2]`.

    Args:
        targets: from `output_names`.
        path: one of its inputs, or a page of one.
    """
    if path in targets:
        return targets[path]
    file, _, number = path.name.rstrip("]").rpartition("[")
    whole = targets[path.with_name(file)]
    page = whole.with_name(f"{whole.stem}[{number}].png")
    while page in targets.values():
        page = page.with_name(f"{page.stem}-page.png")
    return page


def _caption(judgement: Judgement) -> str:
    if judgement.label == UNCLASSIFIED:
        return f"unclassified ({BY_NAME[judgement.best].words}? {judgement.confidence:.0%})"
    return f"{BY_NAME[judgement.label].words} {judgement.confidence:.0%}"


def _tag(picture: Image, text: str, corner: tuple[int, int], bar: _Bar, *, below: bool = False) -> int:
    """Write on a coloured bar whose lower (or upper) left corner is at `corner`, kept inside; its lower end."""
    colour, size = bar
    stroke = max(1, round(1.6 * size))
    (width, height), base = cv2.getTextSize(text, _FONT, size, stroke)
    if width + 6 > picture.shape[1]:
        size *= (picture.shape[1] - 6) / width
        stroke = max(1, round(1.6 * size))
        (width, height), base = cv2.getTextSize(text, _FONT, size, stroke)
    tall = height + base + 4
    x = int(np.clip(corner[0], 0, max(0, picture.shape[1] - width - 6)))
    y = int(np.clip(corner[1] + (tall if below else 0), tall, max(tall, picture.shape[0])))
    light = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2] > _LIGHT
    cv2.rectangle(picture, (x, y - tall), (x + width + 6, y), colour, cv2.FILLED)
    ink = (0, 0, 0) if light else (255, 255, 255)
    cv2.putText(picture, text, (x + 3, y - base - 1), _FONT, size, ink, stroke, cv2.LINE_AA)
    return y
