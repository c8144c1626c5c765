"""The settings that may be changed from the page: none is a path, a camera, a host or a program."""

from __future__ import annotations

from hemato_edge.labels import LEUKOCYTES

HARMLESS: dict[str, str] = {
    "counting.target": "White cells to count",
    "report.laboratory": "Laboratory, printed on reports",
    "report.language": "Language of reports",
    "report.operator": "Who counts, printed on reports",
    "report.comment": "Remark, printed on reports",
    "display.bell": "Bell at the target",
    "web.show_label": "Show samples' labels in titles",
    "web.keep_uploads_min": "Minutes that uploaded pictures are kept",
    "quality.min_focus": "Least focus",
    "quality.min_brightness": "Least brightness",
    "quality.max_saturated_share": "Largest saturated share",
    **dict.fromkeys((f"reference.{label}" for label in LEUKOCYTES), "Reference interval"),
    "estimate.white_factor": "10⁹/L for one white cell per mm²",
    "estimate.platelet_factor": "10⁹/L for one platelet per mm²",
}
"""Key → what it is, in English."""
PROFILE = "calibration.profile"
CHANGEABLE = frozenset({*HARMLESS, PROFILE})
"""What is read from the page's file of changes: the same, and the profile that was chosen for the next run."""
