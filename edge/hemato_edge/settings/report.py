"""What can be set of reports: reference intervals, estimates, the letterhead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, create_model

from hemato_edge.labels import CELL_CLASSES
from hemato_edge.languages import Language
from hemato_edge.settings.section import FilePath, Section

if TYPE_CHECKING:
    from hemato_edge.labels import CellClass


def _ascending(interval: tuple[float, float]) -> tuple[float, float]:
    if interval[0] >= interval[1]:
        msg = "the low end must be under the high one"
        raise ValueError(msg)
    return interval


_Interval = Annotated[
    tuple[
        Annotated[float, Field(ge=0, le=100)],
        Annotated[float, Field(ge=0, le=100)],
    ],
    AfterValidator(_ascending),
]


def _reference_field(one: CellClass) -> tuple[Any, Any]:
    """The annotation and the field of one class's interval."""
    if one.reference is None:
        return _Interval | None, Field(None, examples=[[0, 1]], description="[low, high] percent; none: never flagged")
    note = f"; {one.reference_note}" if one.reference_note else ""
    return _Interval | None, Field(one.reference, description=f"[low, high] percent{note}")


if TYPE_CHECKING:

    class ReferenceSettings(Section):
        """One interval a class of `labels.LEUKOCYTES`."""

else:
    ReferenceSettings = create_model(
        "ReferenceSettings",
        __base__=Section,
        __module__=__name__,
        **{one.name: _reference_field(one) for one in CELL_CLASSES if one.role == "white"},
    )
    ReferenceSettings.__doc__ = (
        "Reference intervals, percent of the white cells. A class is flagged when its whole 95 % interval lies "
        "outside.\n\nThe defaults are ARUP Laboratories' for manual differentials from 15 years on (test 0040005). "
        "Every laboratory should set its own."
    )


class EstimateSettings(Section):
    """From cells per area of the monolayer to cells per volume of blood: a rule of thumb that each laboratory must set.

    The defaults are the usual ones for wedge smears, 20 x 10^9/L for one platelet in a 100x oil field and 3 x 10^9/L
    for one white cell in a 50x field (B. H. O'Connor, A Color Atlas and Instruction Manual of Peripheral Blood Cell
    Morphology, 1984; quoted with LOINC 49497-1 and 49498-9), for an eyepiece of field number 20: fields of 0.0314 and
    0.126 square millimetres.
    """

    white_factor: float = Field(0.377, gt=0, le=100, description="10^9/L for one white cell per square millimetre")
    platelet_factor: float = Field(0.628, gt=0, le=100, description="10^9/L for one platelet per square millimetre")


class ReportSettings(Section):
    """What a laboratory prints on its reports. Operator and comment are kept with the session they were set for."""

    laboratory: str = Field("", max_length=200, description="name and address")
    logo: FilePath | None = Field(
        None, examples=["/etc/hemato-edge/logo.png"], description="PNG, JPEG or SVG for the page; none: no picture"
    )
    language: Language = Field("en", description="of what people read; data for programs stays English")
    operator: str = Field("", max_length=200, description="who counts; `run --operator` stands over it")
    comment: str = Field("", max_length=2000, description="printed on every report; `run --comment` stands over it")
