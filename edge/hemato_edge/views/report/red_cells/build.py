"""A report's figures of red cells and platelets, made from what the record of a session counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.counting.red_cells.by_field import bins_by_field, together
from hemato_edge.counting.red_cells.grades import grade_of
from hemato_edge.counting.red_cells.pallor import HEALTHY_PERCENT, central_pallor
from hemato_edge.counting.red_cells.platelets import (
    OIL_FIELD_MM2,
    PER_OIL_FIELD,
    by_oil_field,
    by_red_count,
    platelet_looks,
)
from hemato_edge.counting.red_cells.shapes import ABSENT, DIGEST, NAME, SECTION, shape_shares, told_shapes
from hemato_edge.counting.red_cells.sizes import NORMAL_SPREAD_PERCENT, TALLY, red_cell_sizes
from hemato_edge.store.recorded_settings import setting
from hemato_edge.views.report.areas import cells_per_1000_red, figure, widened
from hemato_edge.views.report.red_cells.model import (
    OilFields,
    Pallor,
    Platelets,
    RedCellDiameters,
    RedCellMorphology,
    RedCellShape,
    RedCellShapes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_edge.counting.red_cells.shapes import ShapeShare
    from hemato_edge.views.report.figure import Figure
    from hemato_edge.views.report.model import DensityEstimate

_DIGITS = 3


def diameters_of(tallies: Mapping[str, int], um_per_px: float | None, uncertainty: float) -> RedCellDiameters | None:
    """Mean and spread of the red cells' diameters; None where too few stand free.

    Args:
        tallies: of the session.
        um_per_px: micrometres a pixel, None without a scale.
        uncertainty: half the 95 % interval of that.
    """
    found = red_cell_sizes(tallies)
    if found is None:
        return None
    um = None
    if um_per_px is not None:
        low, mean, high = (um_per_px * end for end in found.mean_px)
        um = figure(*widened((low, mean, high), uncertainty / um_per_px))
    return RedCellDiameters(
        cells=found.cells,
        left_out=found.left_out,
        mean_px=figure(*found.mean_px),
        mean_um=um,
        spread_percent=figure(*found.spread_percent),
        fields=found.fields,
        not_measured=found.not_measured,
        quantiles={f"{100 * share:.0f}": round(size, _DIGITS) for share, size in found.quantiles.items()},
        normal_spread_percent=NORMAL_SPREAD_PERCENT,
        interval_of="fields" if found.by_field else "cells",
    )


def morphology_of(
    tallies: Mapping[str, int],
    counts: Mapping[str, int],
    areas: Mapping[str, float],
    per_mm2: DensityEstimate | None,
    red_count: float | None,
    settings: Mapping[str, object],
) -> RedCellMorphology:
    """Pallor, platelets and shapes.

    Args:
        tallies: of the session.
        counts: unique cells by kind.
        areas: on which they were counted, see `areas.areas_of`.
        per_mm2: platelets per area of slide, None without a scale.
        red_count: 10^12 red cells per litre by a counter, or None.
        settings: that the session was recorded with; they hold what is known of the head that named shapes.
    """
    platelets = _platelets(tallies, counts, areas, per_mm2, red_count)
    return RedCellMorphology(free_in(tallies), pallor_of(tallies), platelets, shapes_of(tallies, settings))


def shapes_of(tallies: Mapping[str, int], settings: Mapping[str, object]) -> RedCellShapes | None:
    """Shapes with their grades; None where nobody named them."""
    found = shape_shares(tallies, told_shapes(settings))
    if found is None:
        return None
    absent = setting(settings, f"{SECTION}.{ABSENT}")
    shapes = [_shape(one) for one in found.shares]
    shapes += [RedCellShape(str(name)) for name in (absent if isinstance(absent, (list, tuple)) else ())]
    head = " ".join(str(setting(settings, f"{SECTION}.{key}") or "") for key in (NAME, DIGEST))
    return RedCellShapes(head.strip(), found.cells, found.named, tuple(shapes), found.not_assessed)


def _shape(share: ShapeShare) -> RedCellShape:
    if share.percent is None:
        return RedCellShape(share.shape)
    return RedCellShape(share.shape, figure(*share.percent), share.healthy_percent, share.grade)


def free_in(tallies: Mapping[str, int]) -> int:
    """How many red cells stand free, of those that were looked at."""
    return together(bins_by_field(tallies, TALLY)).total()


def pallor_of(tallies: Mapping[str, int]) -> Pallor | None:
    """Pallor and hypochromia, with a grade; None where none was looked for."""
    found = central_pallor(tallies)
    if found is None:
        return None
    share = found.hypochromic_percent
    return Pallor(
        cells=found.cells,
        seen_percent=round(found.seen_percent, _DIGITS),
        diameter_percent=None if found.diameter_percent is None else round(found.diameter_percent, _DIGITS),
        hypochromic_percent=None if share is None else figure(*share),
        grade=None if share is None else grade_of("hypochromia", share[0] - HEALTHY_PERCENT),
        not_assessed=found.not_assessed,
    )


def _platelets(
    tallies: Mapping[str, int],
    counts: Mapping[str, int],
    areas: Mapping[str, float],
    per_mm2: DensityEstimate | None,
    red_count: float | None,
) -> Platelets:
    ratio = cells_per_1000_red("platelet", counts, areas)
    looks = platelet_looks(tallies)
    by_count = None
    if ratio is not None and ratio.ci_high is not None and red_count is not None:
        by_count = figure(*by_red_count((ratio.ci_low, ratio.value, ratio.ci_high), red_count))
    return Platelets(
        per_1000_red=ratio,
        red_count_e12_per_l=red_count,
        by_red_count_e9_per_l=by_count,
        oil_fields=None if per_mm2 is None else _oil_fields(per_mm2.per_mm2),
        **({} if looks is None else {name: getattr(looks, name) for name in looks.__dataclass_fields__}),
    )


def _oil_fields(per_mm2: Figure) -> OilFields | None:
    if per_mm2.ci_high is None:
        return None
    ends = per_mm2.ci_low, per_mm2.value, per_mm2.ci_high
    low, value, high = (OIL_FIELD_MM2 * end for end in ends)
    return OilFields(figure(low, value, high), figure(*by_oil_field(ends)), PER_OIL_FIELD, OIL_FIELD_MM2)
