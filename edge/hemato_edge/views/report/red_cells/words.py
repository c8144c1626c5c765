"""Red cells and platelets of a report in sentences, in any of its languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.counting.red_cells.pallor import HEALTHY_PERCENT, NO_PALLOR
from hemato_edge.counting.red_cells.shapes import LEAST_CELLS as LEAST
from hemato_edge.counting.red_cells.shapes import UNLIKE
from hemato_edge.counting.red_cells.sizes import LEAST_CELLS
from hemato_edge.languages import words_of, written_in
from hemato_edge.views.report.figures import fixed, fixed_with_ends, three_digits, with_ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hemato_edge.views.report.model import Report
    from hemato_edge.views.report.red_cells.model import (
        OilFields,
        Pallor,
        Platelets,
        RedCellDiameters,
        RedCellShape,
        RedCellShapes,
    )

LEFT_OUT = {
    "cut": "{n} cut by the border",
    "doublet": "{n} in doublets",
    "cluster": "{n} in rouleaux or clumps",
    "not_round": "{n} not round",
    "unclear": "{n} without a clear outline",
    "size": "{n} of quite another size",
}
"""Why red cells are not measured, in words."""
SHAPE_WORDS = {
    "ovalocyte": "ovalocytes and elliptocytes",
    "stomatocyte": "stomatocytes",
    "spherocyte": "spherocytes",
    "target_cell": "target cells",
    "teardrop_cell": "teardrop cells",
    "schistocyte": "schistocytes",
    "burr_cell": "burr cells",
    "acanthocyte": "acanthocytes",
    "sickle_cell": "sickle cells",
}
"""Shapes by name, in words."""


def red_cell_lines(report: Report, language: str = "en") -> Iterator[str]:
    """Size, pallor and platelets; what was not looked at is not told."""
    morphology = report.red_cell_morphology
    yield from size_lines(report.red_cells, morphology.free, language)
    if report.red_cells is not None and morphology.pallor is not None:
        yield pallor_line(morphology.pallor, language)
    yield from shape_lines(morphology.shapes, language)
    yield from platelet_lines(morphology.platelets, language)


def size_lines(sizes: RedCellDiameters | None, free: int, language: str = "en") -> Iterator[str]:
    """Mean and spread of the red cells' diameters, and what was left out; or that too few stand `free`."""
    _ = words_of(language)
    if sizes is None:
        if free:
            yield _(
                "Red-cell size and pallor: not assessed, {n} cells stand free of the {least} needed",
                n=free,
                least=LEAST_CELLS,
            )
        return
    in_um = sizes.mean_um
    mean, digits, unit = (sizes.mean_px, 1, "px") if in_um is None else (in_um, 2, "µm")
    yield _(
        "Red-cell diameter, {cells} cells that stand free: mean {mean}, coefficient of variation {spread} (95 % CI; "
        "by this method, healthy donors' smears read {normal} %; of diameters in a dried smear, no RDW)",
        cells=sizes.cells,
        mean=fixed_with_ends(mean, digits, unit, language),
        spread=fixed_with_ends(sizes.spread_percent, 1, "%", language),
        normal=fixed(sizes.normal_spread_percent, 1, language),
    )
    left_out = {**sizes.not_measured, "size": sizes.left_out}
    if any(left_out.values()):
        yield _("Red cells left out: {what}", what=_left_out(left_out, language))


def _left_out(left_out: Mapping[str, int], language: str) -> str:
    _ = words_of(language)
    return ", ".join(_(words, n=left_out[reason]) for reason, words in LEFT_OUT.items() if left_out.get(reason))


def pallor_line(pallor: Pallor, language: str = "en") -> str:
    """How many red cells show a pale middle, how wide it is, and how many are hypochromic; or why not."""
    _ = words_of(language)
    share = pallor.hypochromic_percent
    if share is None or pallor.diameter_percent is None:
        seen = fixed(pallor.seen_percent, 0, language)
        if pallor.not_assessed == NO_PALLOR:
            return _("Central pallor: not assessed, only {seen} % of the red cells show any", seen=seen)
        return _("Central pallor: not assessed, too few red cells")
    said = _(
        "Central pallor in {seen} % of {cells} red cells, {wide} % of the diameter wide; hypochromic {share} "
        "(by this method, {normal} % of healthy donors' cells)",
        seen=fixed(pallor.seen_percent, 0, language),
        cells=pallor.cells,
        wide=fixed(pallor.diameter_percent, 0, language),
        share=fixed_with_ends(share, 1, "%", language),
        normal=fixed(HEALTHY_PERCENT, 0, language),
    )
    return f"{said} ({pallor.grade}, ICSH 2015)" if pallor.grade else said


def shape_lines(shapes: RedCellShapes | None, language: str = "en") -> Iterator[str]:
    """The share of each shape with its grade, and which are not assessed; or why none is."""
    if shapes is None:
        return
    _ = words_of(language)
    if shapes.not_assessed == UNLIKE:
        share = fixed(100 * shapes.named / shapes.cells, 0, language)
        yield _(
            "Red-cell shapes: not assessed, only {share} % of the cells have a name; they look unlike those that the "
            "model learnt",
            share=share,
        )
        return
    if shapes.not_assessed is not None:
        yield _(
            "Red-cell shapes: not assessed, {n} cells have a name of the {least} needed", n=shapes.named, least=LEAST
        )
        return
    told = [_shape_words(one, language) for one in shapes.shapes if one.percent is not None]
    if told:
        yield _("Red-cell shapes, {n} cells: {what}", n=shapes.named, what="; ".join(told))
    silent = [_(SHAPE_WORDS.get(one.shape, one.shape)) for one in shapes.shapes if one.percent is None]
    if silent:
        yield _("Not assessed, since the model does not tell them reliably: {what}", what=", ".join(silent))


def _shape_words(one: RedCellShape, language: str) -> str:
    _ = words_of(language)
    share = "" if one.percent is None else fixed_with_ends(one.percent, 1, "%", language)
    said = _(
        "{shape} {share} (healthy donors' up to {normal} %)",
        shape=_(SHAPE_WORDS.get(one.shape, one.shape)),
        share=share,
        normal=fixed(one.healthy_percent or 0.0, 1, language),
    )
    return f"{said} ({one.grade}, ICSH 2015)" if one.grade else said


def platelet_lines(platelets: Platelets, language: str = "en") -> Iterator[str]:
    """Platelets per red cell, the estimates with their factors, giant ones and clumps."""
    _ = words_of(language)
    if platelets.per_1000_red is not None:
        yield _("Platelets per 1,000 red cells: {figure}", figure=with_ends(platelets.per_1000_red, language))
    by_count = platelets.by_red_count_e9_per_l
    if by_count is not None and platelets.red_count_e12_per_l is not None:
        yield _(
            "Platelets by a red-cell count of {count} ×10¹²/L: about {figure} ×10⁹/L, an estimate",
            count=written_in(language, f"{platelets.red_count_e12_per_l:g}"),
            figure=with_ends(by_count, language),
        )
    if platelets.oil_fields is not None:
        yield _oil_line(platelets.oil_fields, language)
    if platelets.clumps is not None:
        yield _(
            "Of {n} platelets, {giant} are larger than a red cell and {clumped} lie in clumps of three or more",
            n=platelets.seen,
            giant=platelets.giant,
            clumped=platelets.clumped,
        )
    if platelets.clumps:
        yield _("WARNING: platelets are clumped; their count and its estimates are too low")


def _oil_line(fields: OilFields, language: str) -> str:
    less, more = fields.factors
    return words_of(language)(
        "Platelets per oil-immersion field ({area} mm²): {figure}; by the usual factors {less} to {more}, about "
        "{estimate} ×10⁹/L ({low} – {high}), an estimate",
        area=three_digits(fields.field_mm2, language),
        figure=with_ends(fields.per_field, language),
        less=f"{less:g}",
        more=f"{more:g}",
        estimate=three_digits(fields.e9_per_l.value, language),
        low=three_digits(fields.e9_per_l.ci_low, language),
        high=three_digits(fields.e9_per_l.ci_high, language),
    )
