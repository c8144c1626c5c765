"""The level below the classes of a report in sentences, in any of its languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.labels import BY_NAME
from hemato_edge.languages import words_of
from hemato_edge.morphology import Attribute, phrases
from hemato_edge.views.report.figures import fixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_edge.views.report.model import Report


def subtype_lines(report: Report, language: str = "en") -> Iterator[str]:
    """Class by class, the shares of what its cells are told apart by, with their intervals and the model's mistakes.

    Of two values the younger one is named.
    """
    _ = words_of(language)
    for level in report.subtypes:
        cells = f"{_(BY_NAME[level.label].plural)} ({level.cells})"
        shares = [one for one in level.shares if one.percent is not None]
        if not shares:
            yield _("{cells}: none was told apart further", cells=cells)
            continue
        said = [
            _(
                "{what} {percent} % ({ends}; mistaken for it {mistaken} %)",
                what=_(phrases([Attribute(level.name, one.value, 1.0)])[0][0]),
                percent=fixed(one.percent.value, 0, language),
                ends=f"{fixed(one.percent.ci_low, 0, language)} – {fixed(one.percent.ci_high or 0.0, 0, language)}",
                mistaken=fixed(one.mistaken_percent, 0, language),
            )
            for one in (shares[:1] if len(shares) == 2 else shares)
            if one.percent is not None
        ]
        yield _("{cells}, of {told} told apart: {what}", cells=cells, told=level.told, what=", ".join(said))
    if report.subtypes:
        yield _("Such cells were learnt from one laboratory; elsewhere this is not verified.")
