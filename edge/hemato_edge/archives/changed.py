"""The cells that got another name, as a table to look through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hemato_edge.about import RESEARCH_USE_NOTICE
from hemato_edge.archives.parquet import require_pyarrow
from hemato_edge.output_files import written_aside

if TYPE_CHECKING:
    from pathlib import Path

    from hemato_edge.archives.comparison import Comparison

CHANGED = "changed.parquet"


def write_changed(comparison: Comparison, folder: Path) -> None:
    """Write `CHANGED`: source, field, cell and picture as in the second analysis, the box there, both answers.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OutputError: the file cannot be written.
    """
    arrow = require_pyarrow()
    pairs = [(one, two) for one, two in comparison.matched.pairs if one.label != two.label]
    number, text = arrow.float32(), arrow.string()
    columns = {
        "source": ([two.source for _, two in pairs], text),
        "field": ([two.field for _, two in pairs], arrow.int32()),
        "cell": ([two.cell for _, two in pairs], arrow.int32()),
        "picture": ([two.picture for _, two in pairs], text),
        **{side: ([two.box[at] for _, two in pairs], number) for at, side in enumerate(("x0", "y0", "x1", "y1"))},
        "before": ([one.label for one, _ in pairs], text),
        "now": ([two.label for _, two in pairs], text),
        "confidence_before": ([one.confidence for one, _ in pairs], number),
        "confidence_now": ([two.confidence for _, two in pairs], number),
        "reviewed": ([two.reviewed for _, two in pairs], text),
    }
    table = arrow.table({name: arrow.array(values, kind) for name, (values, kind) in columns.items()})
    table = table.replace_schema_metadata({"notice": RESEARCH_USE_NOTICE})
    with written_aside(folder / CHANGED) as out:
        arrow.parquet.write_table(table, out, compression="zstd")
