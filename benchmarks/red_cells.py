"""Red cells and platelets: what the method reads on real smears, and what it costs.

* sizes: coefficient of variation of the diameters, of cells in one picture (`within`, pooled over pictures) and of all
  pictures of a laboratory (`all`, many slides at once), with 95 % intervals by resampling the pictures; how many red
  cells are measured, and why others are not. The donors of pbc are healthy; those of chula have thalassaemia.
* pallor: how wide the pale middle of normal and of hypochromic cells of chula is, and how many of both, and of healthy
  donors, are called hypochromic; on the pictures with even numbers (the limit was chosen on them) and on the others.
* platelets: on bccd, those with a drawn box and those that are found, per 1,000 red cells; found ones that are in no
  box; giant ones and clumps. On drawn fields, how much of the precipitate is taken for platelets.
* cost: scenes of the drawn slide, frame by frame in turn without the survey, with it, and with shapes named, processor
  time.

    python benchmarks/red_cells.py --data ../shared/data [sizes|pallor|platelets|cost …]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from hemato_edge.bench.measures.frames import new_analyzer
from hemato_edge.bench.measures.scenes import draw_scenes
from hemato_edge.bench.measures.watch import load_models
from hemato_edge.cameras.demo.cells import PRECIPITATE
from hemato_edge.cameras.demo.slide import UM_PER_PX, WHITE_CELLS, DrawnSlide
from hemato_edge.cameras.demo.smear import spread
from hemato_edge.counting.density import per_1000
from hemato_edge.counting.red_cells.pallor import HYPOCHROMIC
from hemato_edge.evidence.bootstrap import interval, resample
from hemato_edge.labels import PLATELET, PLATELET_LABEL, RBC
from hemato_edge.pipeline.red_cell_survey import RedCellSurvey
from hemato_edge.settings import Settings
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.candidates import box_overlap
from hemato_edge.vision.locate.choice import load_locator
from hemato_edge.vision.red_cells.outlines import look_at_red_cells
from hemato_edge.vision.red_cells.platelets import clumped_platelets, giant_platelets
from hemato_edge.vision.red_cells.shapes import load_shape_namer
from hemato_edge.vision.scale import red_cell_diameter_px
from hemato_training.data.field_sets import load_fields
from hemato_training.data.records import in_split
from hemato_training.data.red_cell_shapes import read_shape_fields

if TYPE_CHECKING:
    from hemato_edge.values import Detections
    from hemato_edge.vision.locate.locator import Locator
    from hemato_edge.vision.red_cells.outlines import RedCellLook

NEAR_PX = 15
"""A named cell of chula is the measured one whose middle is so near."""
HEAD = Path(__file__).parents[1] / "bundles" / "red-cell-shapes.json"
HEALTHY = 400
"""Pictures of pbc that are read, evenly over its list."""
VIEW, MARGIN_PX, SMALL = (640, 480), 20, (PRECIPITATE, PLATELET_LABEL)
FAR = 0.3
"""Natural logarithm of a diameter by the median, beyond which a cell is none or two, as in the report."""


def seen(locator: Locator, path: Path) -> tuple[FieldView, Detections, RedCellLook]:
    """A picture, what is found in it, and its red cells one by one."""
    view = FieldView(cv2.imread(str(path)))
    found = locator.locate(view)
    return view, found, look_at_red_cells(view, found)


def pictures_of(data: Path) -> dict[str, list[Path]]:
    """Laboratory → its pictures."""
    healthy = sorted((data / "pbc").rglob("*.jpg"))
    return {
        "pbc (healthy)": healthy[:: max(1, len(healthy) // HEALTHY)],
        "bccd": sorted((data / "bccd" / "images").glob("*.jpg")),
        "raabin_fields": sorted((data / "raabin_fields").rglob("*.jpg")),
        "iml": sorted((data / "iml" / "fields").glob("*.jpg")),
        "chula (thalassaemia)": [field.path for field in read_shape_fields(data / "chula")],
    }


def sizes(data: Path) -> None:
    """Print the spread of the diameters by laboratory."""
    locator = load_locator()
    print("laboratory | pictures | measured of red cells | within a picture % | all pictures % | left out")
    for name, paths in pictures_of(data).items():
        looks = [seen(locator, path)[2] for path in paths]
        left_out = sum((look.left_out for look in looks), Counter[str]())
        logs = [np.log(look.diameters_px) for look in looks if len(look)]
        middle = np.median(np.concatenate(logs))
        logs = [near for one in logs if len(near := one[abs(one - middle) < FAR])]
        sums = np.array([(len(x), x.sum(), (x**2).sum(), len(x) * x.var(), len(x) - 1) for x in logs])
        fields = np.arange(len(sums)).astype(np.str_)
        drawn = np.concatenate([sums.sum(axis=0)[None], resample(fields, np.zeros_like(fields)) @ sums])
        cells, first, second, squares, freedom = drawn.T
        within = 100 * np.sqrt(squares / freedom)
        everywhere = 100 * np.sqrt(second / cells - (first / cells) ** 2)
        measured = sum(map(len, looks))
        print(
            f"{name} | {len(paths)} | {measured} of {measured + left_out.total()} | {told(within)} | {told(everywhere)}"
            f" | {dict(left_out)}"
        )


def told(values: np.ndarray) -> str:
    """The first value, and the interval of the others."""
    low, high = interval(values[1:])
    return f"{values[0]:.1f} ({low:.1f} – {high:.1f})"


def pallor(data: Path) -> None:
    """Print how wide the pale middle of named cells is, and how many are called hypochromic."""
    locator = load_locator()
    found: dict[tuple[int, str], list[float]] = {}
    for field in read_shape_fields(data / "chula"):
        _, cells, look = seen(locator, field.path)
        middles = cells.centres[look.measured]
        for name, place in zip(field.names, field.places, strict=True):
            away = np.hypot(*(middles - place).T) if len(middles) else np.array([np.inf])
            if away.min() <= NEAR_PX:
                found.setdefault((field.number % 2, name), []).append(float(look.pallor[away.argmin()]))
    for path in pictures_of(data)["pbc (healthy)"]:
        found.setdefault((2, "healthy donors"), []).extend(seen(locator, path)[2].pallor.tolist())
    print("pictures | cells | n | pallor seen % | median width % | hypochromic % (95 % CI)")
    for (part, name), shares in sorted(found.items()):
        values = np.array(shares)
        whole = np.arange(len(values)).astype(np.str_)
        drawn = resample(whole, np.zeros_like(whole)) @ (values > HYPOCHROMIC) / len(values)
        ends = interval(100 * drawn)
        width = 100 * np.median(values[values > 0]) if (values > 0).any() else np.nan
        pale = f"{100 * (values > 0).mean():.0f} | {width:.0f}"
        hypochromic = f"{100 * (values > HYPOCHROMIC).mean():.0f} ({ends[0]:.0f} – {ends[1]:.0f})"
        print(f"{('even', 'odd', 'pbc')[part]} | {name} | {len(values)} | {pale} | {hypochromic}")


def platelets(data: Path) -> None:
    """Print platelets found and drawn on bccd's validation fields, and what becomes of drawn precipitate."""
    locator = load_locator()
    rows = []
    counts: Counter[str] = Counter()
    for field in in_split(load_fields(data, ("bccd",)), "val"):
        found = locator.locate(FieldView(field.image()))
        few, drawn = found.of_kind(PLATELET), field.boxes.of_kind(PLATELET)
        hit = box_overlap(few.boxes, drawn).max(axis=1) >= 0.3 if len(few) and len(drawn) else np.zeros(len(few))
        size = red_cell_diameter_px(found) or 100.0
        counts += Counter(
            giant=int(giant_platelets(found, size).sum()),
            clumped=int(clumped_platelets(found, size).sum()),
            not_drawn=len(few) - int(np.count_nonzero(hit)),
        )
        rows.append((len(few), len(found.of_kind(RBC)), len(drawn), len(field.boxes.of_kind(RBC))))
    table = np.array(rows)
    table = table[table[:, 3] > 3]  # fields whose red cells are drawn
    found_ratio, drawn_ratio = (per_1000(int(a), int(b)) for a, b in table.sum(axis=0).reshape(2, 2))
    print(f"bccd val, {len(table)} fields; found, drawn per 1,000 red cells: {found_ratio}, {drawn_ratio}")
    print(f"all {len(rows)} fields: found {sum(r[0] for r in rows)}, drawn {sum(r[2] for r in rows)}; {dict(counts)}")
    precipitate(locator)


def precipitate(locator: Locator, fields: int = 40) -> None:
    """Print how much of the drawn precipitate, and of the drawn platelets, is taken for a platelet."""
    slide, taken = DrawnSlide(3), Counter[str]()
    placed = [one for one in spread(3, slide.size_px, WHITE_CELLS, UM_PER_PX) if one.plan.label in SMALL]
    rng = np.random.default_rng(0)
    for _ in range(fields):
        corner = np.floor(rng.uniform((0, 0), np.subtract(slide.size_px, VIEW)))
        found = locator.locate(FieldView(slide.view(*corner, VIEW))).of_kind(PLATELET)
        for one in placed:
            place = np.array((one.x_px, one.y_px)) - corner
            if (place > MARGIN_PX).all() and (place < np.array(VIEW) - MARGIN_PX).all():
                away = np.hypot(*(found.centres - place).T) if len(found) else np.array([np.inf])
                taken[f"{one.plan.label}: {'taken for a platelet' if away.min() < MARGIN_PX else 'not'}"] += 1
    print(f"drawn slide, {fields} fields: {dict(sorted(taken.items()))}")


def cost(frames: int = 160, visits: int = 3) -> None:
    """Print the processor time of frames with and without the survey, in turn."""
    models, namer = load_models(Settings()), load_shape_namer(HEAD)
    ways = {"without": {"measure": False}, "with": {}, "with shapes": {"shapes": namer}}
    for name, scene in draw_scenes(frames, 1e6).items():
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(visits):
            sessions = {way: new_analyzer(models, Settings()) for way in ways}
            for way, options in ways.items():
                sessions[way].red_cells = RedCellSurvey(**options)  # type: ignore[arg-type]
            for turn, frame in enumerate(scene.frames):
                for way in list(ways)[:: 1 if turn % 2 else -1]:
                    began = time.process_time()
                    sessions[way].analyze(frame)
                    spent[way].append(1e3 * (time.process_time() - began))
        off = np.array(spent["without"])
        for way in ways:
            own = np.array(spent[way])
            ratio, costliest = own.mean() / off.mean(), np.percentile(own - off, 99)
            print(
                f"{name}, {way}: {len(own)} frames, mean {own.mean():.2f} ms, {ratio:.3f} of without; "
                f"in the costliest hundredth of the frames {costliest:.2f} ms more"
            )


def main() -> None:
    """Parse and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds pbc/, bccd/ and others")
    parts = {"sizes": sizes, "pallor": pallor, "platelets": platelets}
    parser.add_argument("parts", nargs="*", default=[*parts, "cost"])
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    for part in arguments.parts:
        print(f"\n## {part}")
        if part == "cost":
            cost()
        else:
            parts[part](arguments.data)


if __name__ == "__main__":
    main()
