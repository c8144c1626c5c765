"""Pictures for people: a field with its boxes, a cell with what spoke for its label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.labels import BY_NAME, KIND_COLOURS, PLATELET, RBC, UNCLASSIFIED, WBC
from hemato_edge.output_files import check_replaceable, write_aside
from hemato_edge.views.images.tags import FONT_PX, draw_tag, places_of, strip_of, tag_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Detections, Image, Judgement
    from hemato_edge.views.images.tags import Colour

_KIND_WORDS = {WBC: "white cell", RBC: "red cell", PLATELET: "platelet"}
_LETTERS_PER_CELL = 0.2
"""Height of the letters, in diameters of a typical cell: a label stays beside its cell at every magnification."""
_LEAST_PX, _MOST_PX = 8.0, 60.0
"""Smallest and largest height of letters, pixels."""
_LEAST_SHARE, _MOST_SHARE = 1 / 100, 1 / 64
"""The same as shares of the longer side: a large picture is looked at as a whole, too."""
_NOTICE, _CAPTION = (70, 70, 70), (40, 40, 40)
"""Colours behind a notice and behind the caption of one cell."""


def annotate_field(image: Image, detections: Detections, judged: Mapping[int, Judgement]) -> Image:
    """A field with a box round every cell and labels on those judged; under it a strip with the colours and the notice.

    Letters and lines grow with the cells. A class has the colour of `labels.CellClass`, any other cell its kind's.

    Args:
        image: the field (H, W, 3) uint8 BGR.
        detections: what was found in it.
        judged: index into `detections` → the classifier's answer.

    Returns:
        (H + strip, W, 3) uint8 BGR.
    """
    picture = image.copy()
    size = _letter_size(image, detections)
    thick = max(1, round(2 * size))
    legend: dict[str, Colour] = {}
    for i in sorted(range(len(detections)), key=lambda i: i in judged):
        x0, y0, x1, y1 = (round(float(v)) for v in detections.boxes[i])
        kind = int(detections.kinds[i])
        words, colour = _KIND_WORDS[kind], _bgr(KIND_COLOURS[kind])
        if i in judged:
            known = BY_NAME[judged[i].label]
            words, colour = known.words, _bgr(known.colour)
        legend.setdefault(words, colour)
        cv2.rectangle(picture, (x0, y0), (x1, y1), colour, 2 * thick if kind == WBC else thick, cv2.LINE_AA)
    named = sorted(judged)
    colours = [_bgr(BY_NAME[judged[i].label].colour) for i in named]
    wide = picture.shape[1]
    tags = [tag_of(_caption(judged[i]), colour, size, wide) for i, colour in zip(named, colours, strict=True)]
    places = places_of(tags, detections.boxes[named], (wide, picture.shape[0]))
    for tag, (x, y) in zip(tags, places.tolist(), strict=True):
        draw_tag(picture, tag, x, y)
    keys = [tag_of(words, colour, 0.8 * size, wide - 6) for words, colour in legend.items()]
    return np.vstack([picture, strip_of([*keys, tag_of(RESEARCH_USE_NOTICE, _NOTICE, 0.8 * size, wide - 6)], wide)])


def _letter_size(image: Image, detections: Detections) -> float:
    """The font's scale for cells of this size; by the picture where there are none."""
    longer = max(image.shape[:2])
    sides = np.sqrt(np.prod(detections.boxes[:, 2:] - detections.boxes[:, :2], axis=1)) if len(detections) else ()
    cell_px = float(np.median(sides)) if len(detections) else longer / 12
    least, most = max(_LEAST_PX, _LEAST_SHARE * longer), max(_MOST_PX, _MOST_SHARE * longer)
    return float(np.clip(_LETTERS_PER_CELL * cell_px, least, most)) / FONT_PX


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
    draw_tag(pair, tag_of(_caption(judgement), _CAPTION, 0.5, 2 * side), 0, 0)
    draw_tag(pair, tag_of(RESEARCH_USE_NOTICE, _NOTICE, 0.36, 2 * side), 0, side)
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
