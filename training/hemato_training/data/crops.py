"""From records to crops, cut by the device's own code.

A laboratory's scale and stain are measured as the device measures a session's: with its locator and stain code, over
the laboratory's training pictures. The crops are cut once and cached in a file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hemato_edge import vision
from hemato_edge.errors import DataError
from hemato_edge.labels import CLASSIFIER_LABELS, PLATELET_LABEL
from hemato_edge.vision.classify.crops import CROP_RED_CELLS, crop_side_px, cut_crop, prepare
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.locator import OpenCvLocator, find_central_cell
from hemato_edge.vision.optics.nuclei import measure_stain
from hemato_edge.vision.optics.red_cells import with_red_cells
from hemato_edge.vision.optics.stain import (
    StainCalibration,
    background_colour,
    darkest_class,
    density,
    pool_stains,
)
from hemato_edge.vision.scale import red_cell_diameter_px, red_cell_px_from_white
from hemato_edge.vision.slide_appearance import MIN_RED_SHARE
from hemato_training.data.pictures import read_picture
from hemato_training.data.records import by_laboratory, in_split, split_hash
from hemato_training.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hemato_edge.values import Image
    from hemato_training.data.records import Record
    from hemato_training.progress import Reporter

LOOK_PICTURES = 240
"""Pictures for measuring a laboratory's scale and stain; the medians are stable long before."""
_CACHE_FORMAT = 3


@dataclass(frozen=True, slots=True)
class Look:
    """Scale and stain common to one laboratory's pictures.

    Attributes:
        red_cell_px: median diameter of a red cell, pixels.
        stain: background, nuclei and red cells, pooled over the pictures.
        pictures: number of pictures measured.
    """

    red_cell_px: float
    stain: StainCalibration
    pictures: int

    def as_json(self) -> dict[str, object]:
        """As plain JSON values; `from_json` reads them back."""
        return {"red_cell_px": self.red_cell_px, "stain": asdict(self.stain), "pictures": self.pictures}

    @staticmethod
    def from_json(value: Mapping[str, object]) -> Look:
        """From the JSON values of `as_json`."""
        stain = dict(value["stain"])  # type: ignore[call-overload]
        red = stain.get("red_od")  # runs of older versions did not measure it
        calibration = StainCalibration(
            tuple(stain["background"]), tuple(stain["nucleus_od"]), int(stain["looks"]), tuple(red) if red else None
        )
        return Look(float(value["red_cell_px"]), calibration, int(value["pictures"]))  # type: ignore[arg-type, call-overload]


@dataclass(frozen=True, slots=True)
class Cells:
    """Crops with their true classes.

    Attributes:
        crops: (n, M, M, 3) uint8 BGR, colours as from the camera.
        labels: (n,) int64, index into `labels.CLASSIFIER_LABELS`.
        laboratories: (n,) str.
        keys: (n,) str, the picture's name within its data set.
        glass: (n, 3) float64 BGR, colour of empty glass in the picture the cell was cut from.
        groups: (n,) str, the groups kept within one split: slides if the data set names them, else fields or pictures.
    """

    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    laboratories: NDArray[np.str_]
    keys: NDArray[np.str_]
    glass: NDArray[np.float64]
    groups: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> Cells:
        """The cells selected by `chosen` (boolean, or indices)."""
        return Cells(
            self.crops[chosen],
            self.labels[chosen],
            self.laboratories[chosen],
            self.keys[chosen],
            self.glass[chosen],
            self.groups[chosen],
        )

    def stain(self, index: int, looks: Mapping[str, Look]) -> StainCalibration:
        """The stain calibration of one cell: its laboratory's nuclei, its own picture's background."""
        return looks[str(self.laboratories[index])].stain.on_glass(self.glass[index])

    def of_laboratory(self, name: str) -> Cells:
        """The cells of one laboratory."""
        return self.select(self.laboratories == name)


def measure_look(records: Sequence[Record], reporter: Reporter | None = None) -> Look:
    """Scale and stain of one laboratory, from its training pictures (or all, if it has none).

    If too few pictures show measurable red cells, the white cells' usual size gives the scale, as on the device. Labels
    are only used to exclude platelets from the stain: they have no nucleus.

    Raises:
        DataError: no picture shows a cell or a nucleus, or a picture cannot be read.
    """
    pictures = in_split(records, "train") or list(records)
    pictures = pictures[:: max(1, len(pictures) // LOOK_PICTURES)]
    locator = OpenCvLocator()
    diameters: list[float] = []
    white_sizes: list[float] = []
    stains: list[StainCalibration] = []
    what = f"scale and stain of {pictures[0].laboratory}"
    for record in (reporter or Silent()).track(pictures, what, len(pictures)):
        image = read_picture(record.path)
        detections = locator.locate(FieldView(image))
        diameter = red_cell_diameter_px(detections)
        if diameter is not None:
            diameters.append(diameter)
        white = record.box or find_central_cell(FieldView(image))
        if white is not None:
            white_sizes.append(float(np.sqrt((white[2] - white[0]) * (white[3] - white[1]))))
        if record.label != PLATELET_LABEL:
            stain = measure_stain(FieldView(image), None if record.box is None else _nucleus(image, record.box))
            stain = with_red_cells(stain, FieldView(image), detections)
            if stain is not None:
                stains.append(stain)
    seen = diameters and (len(diameters) >= MIN_RED_SHARE * len(pictures) or not white_sizes)
    red_cell_px = float(np.median(diameters)) if seen else red_cell_px_from_white(white_sizes)
    pooled = pool_stains(stains)
    if red_cell_px is None or pooled is None:
        missing = "cell" if red_cell_px is None else "nucleus"
        raise DataError(
            f"No {missing} was found in {len(pictures)} pictures of {pictures[0].laboratory}.",
            "Check that the folder holds stained smears at high magnification.",
        )
    return Look(red_cell_px, pooled, len(pictures))


def cut_cells(
    records: Sequence[Record],
    looks: Mapping[str, Look],
    size: int,
    margin: float = 1.0,
    reporter: Reporter | None = None,
) -> Cells:
    """The crop of every record, by the device's code.

    Args:
        records: cells to cut.
        looks: laboratory → its appearance.
        size: side of the classifier's input, pixels.
        margin: 1 for the device's crop; more for a larger crop at the same scale, `round(size * margin)` pixels.
        reporter: for progress.

    Raises:
        DataError: if a picture cannot be read.
    """
    side = round(size * margin)
    crops = np.empty((len(records), side, side, 3), np.uint8)
    glass = np.empty((len(records), 3))
    what = f"cutting {len(records)} cells"
    for i, record in enumerate((reporter or Silent()).track(records, what, len(records))):
        red_cell_px = looks[record.laboratory].red_cell_px
        image = read_picture(record.path)
        glass[i] = FieldView(image).background
        crops[i] = cut_crop(
            FieldView(image), cell_centre(record, image, red_cell_px), margin * crop_side_px(red_cell_px), side
        )
    return Cells(
        crops,
        np.array([CLASSIFIER_LABELS.index(r.label) for r in records], np.int64),
        np.array([r.laboratory for r in records], np.str_),
        np.array([r.key for r in records], np.str_),
        glass,
        np.array([r.group for r in records], np.str_),
    )


def cell_centre(record: Record, image: Image, red_cell_px: float) -> tuple[float, float]:
    """x, y in pixels: the middle of the annotated box, else of the cell that the device finds, else of the picture."""
    box = record.box if record.box is not None else find_central_cell(FieldView(image, red_cell_px=red_cell_px))
    if box is None:
        return image.shape[1] / 2, image.shape[0] / 2
    return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2


def prepare_cells(cells: Cells, looks: Mapping[str, Look]) -> NDArray[np.uint8]:
    """(n, M, M, 3) uint8 RGB: the classifier's input, each cell with its stain calibration."""
    ready = np.empty_like(cells.crops)
    for i, crop in enumerate(cells.crops):
        ready[i] = prepare(crop[None], cells.stain(i, looks))[0]
    return ready


def looks_of(records: Sequence[Record], cache: Path, reporter: Reporter | None = None) -> dict[str, Look]:
    """The appearance of every laboratory among the records, measured once and cached in `cache`.

    Raises:
        DataError: as `measure_look`.
    """
    looks = {}
    for name, own in by_laboratory(records).items():
        path = cache / f"look-{name}-{cache_key(own, LOOK_PICTURES)}.json"
        if path.is_file():
            looks[name] = Look.from_json(json.loads(path.read_text()))
            continue
        looks[name] = measure_look(own, reporter)
        cache.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(looks[name].as_json(), indent=1))
    return looks


def cells_of(
    records: Sequence[Record],
    looks: Mapping[str, Look],
    size: int,
    cache: Path,
    margin: float = 1.0,
    reporter: Reporter | None = None,
) -> Cells:
    """As `cut_cells`, cached in the folder `cache`; cut again when data, scale or the device's code change.

    Each laboratory is cached by itself, so that runs over other combinations of laboratories share the crops.

    Raises:
        DataError: as `cut_cells`.
    """
    names = [record.laboratory for record in records]
    parts = [_laboratory_cells(own, looks, (size, margin), cache, reporter) for own in by_laboratory(records).values()]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return cut_cells((), looks, size, margin)
    whole = Cells(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Cells)))
    places = np.concatenate([[i for i, one in enumerate(names) if one == name] for name in by_laboratory(records)])
    return whole.select(np.argsort(places))


def _laboratory_cells(
    records: Sequence[Record],
    looks: Mapping[str, Look],
    form: tuple[int, float],
    cache: Path,
    reporter: Reporter | None,
) -> Cells:
    """The crops of one laboratory, of (size, margin) `form`, from the cache or cut now."""
    size, margin = form
    scales = [(name, round(looks[name].red_cell_px, 3)) for name in by_laboratory(records)]
    path = cache / f"cells-{size}-{cache_key(records, size, margin, scales)}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return Cells(*(kept[field.name] for field in fields(Cells)))
    cells = cut_cells(records, looks, size, margin, reporter)
    cache.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial.npz")
    np.savez(temporary, **{field.name: getattr(cells, field.name) for field in fields(cells)})
    temporary.replace(path)
    return cells


def cache_key(records: Sequence[Record], *parameters: object) -> str:
    """Sixteen hex digits over everything that the crops depend on, including the device's code."""
    code = b"".join(path.read_bytes() for path in sorted(Path(vision.__file__).parent.rglob("*.py")))
    boxes = sorted((r.key, r.box) for r in records)
    everything = repr((_CACHE_FORMAT, split_hash(records), boxes, CROP_RED_CELLS, parameters, code))
    return hashlib.sha256(everything.encode()).hexdigest()[:16]


def _nucleus(image: Image, box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """(H, W) bool: the darkest class of the white cell's box."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (round(v) for v in box)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    absorbed = density(image, background_colour(image))
    mask = np.zeros((height, width), bool)
    mask[y0:y1, x0:x1] = darkest_class(absorbed[y0:y1, x0:x1])
    return mask
