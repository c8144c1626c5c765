"""The report as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from hemato_edge.views.report.model import Report


def document(report: Report) -> dict[str, Any]:
    """The report as plain data that JSON can carry. Its keys are an interface.

    `session` stands first; below it the keys are the attributes of the classes of `views.report.model`.
    """
    plain: dict[str, Any] = as_data(report)
    head = {"session": plain.pop("session")}
    ratio = report.white_per_1000_red
    if ratio is not None:  # this one key was always written in another order than its like
        plain["white_per_1000_red"] = {"value": ratio.value, "ci_low": ratio.ci_low, "ci_high": ratio.ci_high}
    return head | plain


def as_data(value: Any) -> Any:
    """A value of `views.report.model` as dicts, lists, texts and numbers."""
    if is_dataclass(value):
        return {one.name: as_data(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {name: as_data(inner) for name, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [as_data(inner) for inner in value]
    return value.isoformat() if isinstance(value, (datetime, date)) else value


def as_json(report: Report) -> str:
    """One JSON document."""
    return json_text(document(report), indent=1, ensure_ascii=False, allow_nan=False)
