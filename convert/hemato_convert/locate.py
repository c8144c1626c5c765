"""Converts a locator's training run to one verified file: quantise, compare with the float model, thresholds, card."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from hemato_convert.flatbuffer.golden import golden_images
from hemato_convert.flatbuffer.trial import run_locator
from hemato_convert.locate_card import LocatorCardParts, make_locator_card
from hemato_convert.locate_graph import quantise_locator
from hemato_edge.errors import DataError, ModelError
from hemato_edge.labels import KINDS, PLATELET
from hemato_edge.models.bundle import check_bundle_path, read_bundle, write_bundle
from hemato_edge.models.locator_model import BOXES, HEAT, LocatorModel
from hemato_edge.vision.field_view import FieldView
from hemato_edge.vision.locate.learned import LearnedLocator, same_score
from hemato_edge.vision.locate.windows import WindowSpec, plan, windows_of
from hemato_training.data.field_sets import load_fields
from hemato_training.data.records import in_split, split_hash, thin
from hemato_training.locate.evaluation import EVERYTHING, keras_locator, load_locator_model, locate_all
from hemato_training.locate.material import UNDRAWN_PLATELETS, is_sound
from hemato_training.locate.settings import TASK
from hemato_training.metrics.detection import best_threshold, kind_figures
from hemato_training.networks.locator import multiply_adds
from hemato_training.progress import Silent
from hemato_training.runs.files import MODEL_FILE, RUN_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hemato_edge.values import Detections
    from hemato_training.data.field_sets import Field
    from hemato_training.data.formats.annotations import Boxes
    from hemato_training.metrics.detection import KindFigures
    from hemato_training.progress import Reporter

    Results = dict[str, list[tuple[Detections, Boxes]]]

REPRESENTATIVE = 240
"""Training fields for measuring activation ranges, equally many of each data set."""
MAX_LOSS = 0.01
"""Largest loss of mean AP50 by int8."""
GOLDEN_COUNT = 2
GOLDEN_TOLERANCE = 6.0
"""Largest mean difference of a map, in its 255 steps. tflite-runtime 2.14 rounds differently in every layer: on the
golden windows of a trained model it was 2.2 steps off LiteRT; a wrong kernel is off by tens."""


@dataclass(frozen=True, slots=True)
class LocatorConversion:
    """Result of a conversion.

    Attributes:
        path: the bundle.
        bytes: its size.
        float_figures: data set → figures of the float model by kind.
        int8_figures: data set → figures of the int8 model by kind.
        min_scores: thresholds by kind, chosen on training fields.
        multiply_adds: per window.
    """

    path: Path
    bytes: int
    float_figures: dict[str, list[KindFigures]]
    int8_figures: dict[str, list[KindFigures]]
    min_scores: tuple[float, ...]
    multiply_adds: int

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {**asdict(self), "path": str(self.path)}


def is_locator_run(run: Path) -> bool:
    """Whether `run` (a run's folder, or its model.keras) is a run of `train --task locate`."""
    folder = run.parent if run.suffix == ".keras" else run
    try:
        return bool(json.loads((folder / RUN_FILE).read_text()).get("task") == TASK)
    except (OSError, ValueError):
        return False


def convert_locator(
    run: Path,
    out: Path,
    data: Path,
    *,
    representative: int = REPRESENTATIVE,
    max_loss: float = MAX_LOSS,
    name: str = "hemato-edge locator",
    reporter: Reporter | None = None,
) -> LocatorConversion:
    """Convert the model of a locator's run to a full-int8 bundle with its card.

    Args:
        run: folder of the run, or its model.keras.
        out: the bundle to write, ending in .tflite.
        data: the directory the run was trained on.
        representative: number of training fields for measuring the ranges.
        max_loss: largest loss of mean AP50 on validation fields by int8.
        name: the model's name, for its card.
        reporter: for progress.

    Raises:
        ModelError: the model is unreadable, not integer throughout after conversion, or int8 loses too much; nothing
            is written then.
        DataError: the data are missing or not those of the run.
    """
    source = _open(run, out, data, reporter or Silent())
    train, val = in_split(source.fields, "train"), in_split(source.fields, "val")
    source.reporter.note("quantising")
    windows = representative_windows(train, source.red_cell_px, source.spec, representative)
    flatbuffer = quantise_locator(source.model, windows)
    heat = FlatbufferHeat(flatbuffer)
    judged = _judged(source, heat, train, val)
    loss = _mean_ap50(judged.float_figures) - _mean_ap50(judged.int8_figures)
    if loss > max_loss:
        raise ModelError(
            f"int8 loses {100 * loss:.1f} points of mean AP50, allowed are {100 * max_loss:.1f}.",
            "Try more --representative fields.",
        )
    spec = source.spec
    golden = golden_images(max(spec.width, spec.height), GOLDEN_COUNT)[:, : spec.height, : spec.width]
    raw = [heat.raw(window) for window in golden]
    outputs = {key: np.stack([maps[key] for maps in raw]) for key in (HEAT, BOXES)}
    card = make_locator_card(_card_parts(source, judged, name))
    write_bundle(out, flatbuffer, card, np.ascontiguousarray(golden), outputs)
    LocatorModel(read_bundle(out)).verify()
    return LocatorConversion(
        path=out,
        bytes=out.stat().st_size,
        float_figures=judged.float_figures,
        int8_figures=judged.int8_figures,
        min_scores=judged.min_scores,
        multiply_adds=multiply_adds(source.model),
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """The run, its model and the same fields that it was trained and evaluated on."""

    model: Any
    facts: dict[str, Any]
    spec: WindowSpec
    fields: list[Field]
    reporter: Reporter

    @property
    def red_cell_px(self) -> dict[str, float]:
        """Data set → diameter of its red cells, pixels."""
        return dict(self.facts["red_cell_px"])


def _open(run: Path, out: Path, data: Path, reporter: Reporter) -> _Source:
    check_bundle_path(out)
    folder = run.parent if run.suffix == ".keras" else run
    model = load_locator_model(run if run.suffix == ".keras" else run / MODEL_FILE)
    facts: dict[str, Any] = json.loads((folder / RUN_FILE).read_text())
    settings = facts["settings"]
    spec = WindowSpec(settings["width"], settings["height"], settings["red_cell_px"])
    return _Source(model, facts, spec, _fields_of(facts, data), reporter)


@dataclass(frozen=True, slots=True)
class _Judged:
    """Figures of both models on the validation fields, at thresholds chosen on training fields."""

    float_figures: dict[str, list[KindFigures]]
    int8_figures: dict[str, list[KindFigures]]
    min_scores: tuple[float, ...]
    fields: dict[str, int]


def _judged(source: _Source, heat: FlatbufferHeat, train: list[Field], val: list[Field]) -> _Judged:
    locator = LearnedLocator(heat, source.spec, same_score(EVERYTHING))
    scales, reporter = source.red_cell_px, source.reporter
    float_results = locate_all(keras_locator(source.model, source.spec), val, scales, reporter)
    int8_results = locate_all(locator, val, scales, reporter)
    sound = [field for field in train if is_sound(field)]
    min_scores = choose_thresholds(locate_all(locator, sound, scales, reporter))
    counts = {name: len(own) for name, own in int8_results.items()}
    return _Judged(_figures(float_results, min_scores), _figures(int8_results, min_scores), min_scores, counts)


def _card_parts(source: _Source, judged: _Judged, name: str) -> LocatorCardParts:
    return LocatorCardParts(
        name=name,
        run=source.facts,
        spec=source.spec,
        float_figures=judged.float_figures,
        int8_figures=judged.int8_figures,
        fields=judged.fields,
        min_scores=judged.min_scores,
        multiply_adds=multiply_adds(source.model),
        golden_count=GOLDEN_COUNT,
        golden_tolerance=GOLDEN_TOLERANCE,
        versions={**source.facts["versions"], "ai-edge-litert": version("ai-edge-litert")},
        created=datetime.now(timezone.utc).replace(microsecond=0),
    )


class FlatbufferHeat:
    """A flatbuffer without a card as a `learned.HeatNetwork`."""

    def __init__(self, flatbuffer: bytes) -> None:
        self._run = run_locator(flatbuffer)

    def maps(self, window: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Heat (h, w, kinds) and boxes (h, w, kinds × 4) float32 of a window (height, width, 3) uint8 RGB."""
        found = self._run(window)
        return found[HEAT][1], found[BOXES][1]

    def resize(self, height: int, width: int) -> bool:
        """Never: figures of the same windows as the float model's."""
        return False

    def raw(self, window: NDArray[np.uint8]) -> dict[str, NDArray[np.int8]]:
        """The same for a window (h, w, 3), as the graph's int8 values."""
        return {name: maps[0] for name, maps in self._run(window).items()}


def representative_windows(
    fields: Sequence[Field], red_cell_px: Mapping[str, float], spec: WindowSpec, wanted: int
) -> NDArray[np.uint8]:
    """(n, height, width, 3) uint8 RGB: windows of about `wanted` training fields, equally many of each data set."""
    sets = len({field.laboratory for field in fields})
    windows = []
    for field in thin(fields, max(1, wanted // sets)):
        image = field.image()
        grid = plan(image.shape, red_cell_px[field.laboratory], spec, largest=1)
        windows += [w.image for w in windows_of(FieldView(image), grid)]
    return np.stack(windows)


def choose_thresholds(results: Results) -> tuple[float, ...]:
    """For each kind the score with the highest F1 on training fields; platelets only where they were annotated."""
    chosen = []
    for kind in range(len(KINDS)):
        pooled = [
            one for name, own in results.items() for one in own if not (kind == PLATELET and name in UNDRAWN_PLATELETS)
        ]
        chosen.append(round(best_threshold(pooled, kind), 3))
    return tuple(chosen)


def _figures(results: Results, min_scores: Sequence[float]) -> dict[str, list[KindFigures]]:
    return {
        name: [kind_figures(own, kind, min_scores[kind]) for kind in range(len(KINDS))] for name, own in results.items()
    }


def _mean_ap50(figures: Mapping[str, Sequence[KindFigures]]) -> float:
    """Mean over data sets and kinds, except platelets where they were not annotated."""
    values = [
        f.ap50
        for name, own in figures.items()
        for f in own
        if f.boxes and not (f.kind == KINDS[PLATELET] and name in UNDRAWN_PLATELETS)
    ]
    return float(np.mean(values))


def _fields_of(facts: dict[str, Any], data: Path) -> list[Field]:
    """The same fields that the run was trained and evaluated on."""
    fields = load_fields(data, tuple(facts["data"]))
    limit = int(facts["settings"]["limit"])
    fields = thin(fields, limit) if limit else fields
    for name, about in facts["data"].items():
        if split_hash(field for field in fields if field.laboratory == name) != about["split_sha256"]:
            raise DataError(
                f"{data / name} is not the data that the run was trained on.", "Name that directory with --data."
            )
    return fields
