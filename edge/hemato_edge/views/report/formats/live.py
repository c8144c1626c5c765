"""What a running session shows: a live table in a terminal, one plain line elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.labels import BY_NAME
from hemato_edge.views.report.build import count_summary
from hemato_edge.views.report.figures import printable
from hemato_edge.views.report.formats.text import differential_table
from hemato_edge.views.report.words import count_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rich.console import Group

    from hemato_edge.store.records import Totals


def live_table(totals: Totals, status: Mapping[str, object], unanswered: Collection[str] = ()) -> Group:
    """What `run` shows while it counts.

    Args:
        totals: what is on disk.
        status: name → value, shown over the table in this order; None values are left out.
        unanswered: classes that the model does not know.
    """
    from rich.console import Group
    from rich.text import Text

    summary = count_summary(totals, unanswered=unanswered)
    shown = {name: printable(str(value)) for name, value in status.items() if value is not None}
    wide = max((len(name) for name in shown), default=0) + 2
    lines = [f"{name:<{wide}}{value}" for name, value in shown.items()]
    return Group(
        *(Text(line) for line in lines),
        differential_table(summary),
        *(Text(line) for line in count_lines(summary)),
        Text(RESEARCH_USE_NOTICE, style="dim"),
    )


def progress_line(totals: Totals) -> str:
    """The state of a running session in one plain line, for logs and pipes."""
    summary = count_summary(totals)
    classes = " ".join(f"{BY_NAME[row.label].short} {row.count}" for row in summary.differential)
    return (
        f"fields {totals.fields}  WBC {totals.wbc} ({classes}, unclassified {summary.unclassified})"
        f"  RBC {totals.rbc}  PLT {totals.platelet}  rejected {sum(totals.rejected.values())}  dropped {totals.dropped}"
    )
