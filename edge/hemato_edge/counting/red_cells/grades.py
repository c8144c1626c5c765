"""Grades of red-cell morphology after the International Council for Standardization in Haematology.

L. Palmer, C. Briggs, S. McFadden et al., "ICSH recommendations for the standardization of nomenclature and grading of
peripheral blood cell morphological features", Int. J. Lab. Hematol. 37 (2015), 287-303, table 1: percent of the red
cells from which a feature is moderate (2+) and above which it is many (3+). Few (1+) is graded of schistocytes alone.
"""

from __future__ import annotations

MODERATE, MANY, FEW = "2+", "3+", "1+"
_OFTEN = (5.0, 20.0)
_RARE = (1.0, 2.0)
GRADES: dict[str, tuple[float, float]] = {
    "hypochromia": (11.0, 20.0),
    "ovalocyte": _OFTEN,
    "stomatocyte": _OFTEN,
    "spherocyte": _OFTEN,
    "target_cell": _OFTEN,
    "teardrop_cell": _OFTEN,
    "schistocyte": _RARE,
}
"""Feature → percent from which it is 2+, and above which it is 3+."""
SCHISTOCYTE = "schistocyte"


def grade_of(feature: str, least_percent: float) -> str | None:
    """The grade of a feature; None where it is below all grades.

    Args:
        feature: of `GRADES`.
        least_percent: the low end of the 95 % interval of its share: a grade is given where the whole interval reaches
            it, so that chance alone gives none.
    """
    moderate, many = GRADES[feature]
    if least_percent > many:
        return MANY
    if least_percent >= moderate:
        return MODERATE
    return FEW if feature == SCHISTOCYTE and least_percent > 0 else None
