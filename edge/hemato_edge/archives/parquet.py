"""The tables as Arrow and as Parquet files, which pandas, Polars and DuckDB read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hemato_edge.about import RESEARCH_USE_NOTICE, __version__
from hemato_edge.archives.columns import TEXT, WHOLE
from hemato_edge.archives.rows import TABLES
from hemato_edge.errors import ArchiveError, MissingExtraError
from hemato_edge.output_files import written_aside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hemato_edge.archives.columns import Row

FINGERPRINT = b"hemato_edge"
"""Key of the metadata of each file's schema: under which terms it was made, JSON."""
_SCHEMA_VERSION = 1


def require_pyarrow() -> Any:
    """The library, with its Parquet half.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            f"Results of archives are Parquet files, and pyarrow cannot be loaded ({error}).",
            "pip install 'hemato-edge[archive]'",
        ) from error
    return pyarrow


def file_of(folder: Path, table: str) -> Path:
    """The file of a table."""
    return folder / f"{table}.parquet"


def packed(table: str, rows: Sequence[Row]) -> bytes:
    """Rows of one table as an Arrow IPC stream."""
    arrow = require_pyarrow()
    schema = _schema(table)
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in schema]
    batch = arrow.record_batch(
        [arrow.array(one, kind) for one, kind in zip(columns, schema.types, strict=True)], schema
    )
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, schema, options=arrow.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())


def write_table(folder: Path, table: str, streams: Iterable[bytes], fingerprint: str) -> int:
    """Write NAME.parquet whole, or leave what was there; returns the number of rows.

    Args:
        folder: of the output.
        table: its name.
        streams: from `packed`; memory holds one of them at a time.
        fingerprint: of the terms, kept in the file's metadata.

    Raises:
        OutputError: it cannot be written.
    """
    arrow = require_pyarrow()
    about = {"format": _SCHEMA_VERSION, "version": __version__, "notice": RESEARCH_USE_NOTICE}
    schema = _schema(table).with_metadata({FINGERPRINT: json.dumps(about | {"terms": json.loads(fingerprint)})})
    rows = 0
    with (
        written_aside(file_of(folder, table)) as out,
        arrow.parquet.ParquetWriter(out, schema, compression="zstd", use_dictionary=True) as writer,
    ):
        for stream in streams:
            found = arrow.ipc.open_stream(stream).read_all()
            rows += found.num_rows
            if found.num_rows:
                writer.write_table(found.cast(schema))
    return rows


def read_table(
    folder: Path, table: str, columns: Sequence[str], white: str | None = None, sources: Sequence[str] = ()
) -> Any:
    """Columns of a table that was written, as `pyarrow.Table`.

    Args:
        folder: of the output.
        table: its name.
        columns: to read.
        white: of this kind alone; None for all rows. The others are not held in memory.
        sources: of these alone, where a kind is given.

    Raises:
        ArchiveError: it is not there, or is damaged.
    """
    arrow = require_pyarrow()
    file = file_of(folder, table)
    try:
        chosen = None if white is None else [("kind", "==", white), ("source", "in", list(sources))]
        return arrow.parquet.read_table(file, columns=list(columns), filters=chosen)
    except (OSError, arrow.ArrowException) as error:
        raise ArchiveError(
            f"{file} cannot be read ({type(error).__name__}).",
            f"Name a folder that `hemato-edge reanalyze … --out {folder}` has finished.",
        ) from error


def terms_in(table: Any) -> dict[str, object]:
    """The terms under which a table was made, from its metadata; empty where it has none."""
    said = (table.schema.metadata or {}).get(FINGERPRINT)
    found = {} if said is None else json.loads(said).get("terms", {})
    return dict(found)


def _schema(table: str) -> Any:
    arrow = require_pyarrow()
    types = {TEXT: arrow.string(), WHOLE: arrow.int32()}
    return arrow.schema(
        arrow.field(one.name, types.get(one.type, arrow.float32()), metadata={"meaning": one.meaning})
        for one in TABLES[table]
    )
