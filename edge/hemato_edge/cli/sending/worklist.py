"""A worklist: the sample ids of a day, offered in their order, from CSV or FHIR ServiceRequests."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

from hemato_edge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

COLUMNS = ("sample", "sample_id", "specimen", "specimen_id", "id")
"""Names of the column with the sample ids, in any case; without one of these the first column has them."""
_MOST_BYTES = 16 * 2**20
_LONGEST = 64
"""Characters of a sample id in a file without a named column, where nothing else tells ids from other text."""
_EXPECTED = f"Give CSV with a column named {COLUMNS[0]}, one sample id a line, or FHIR ServiceRequests as JSON."


def next_sample(file: Path, recorded: Collection[str]) -> str:
    """The first sample id of a worklist that no session is recorded under.

    Args:
        file: CSV, or JSON with a ServiceRequest, a Bundle or a list of them.
        recorded: labels of the sessions that there are.

    Raises:
        ConfigurationError: the file is no worklist, or all of it is recorded.
    """
    samples = read_worklist(file)
    found = next((sample for sample in samples if sample not in recorded), None)
    if found is None:
        raise ConfigurationError(f"All {len(samples)} samples of {file} are recorded.", "Name another worklist.")
    return found


def read_worklist(file: Path) -> list[str]:
    """The sample ids of a worklist, each once, in order.

    Raises:
        ConfigurationError: see `next_sample`.
    """
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ConfigurationError(f"{file} is too large for a worklist.", "Name another file.")
        text = file.read_text(encoding="utf-8-sig")
        samples = list(_of_fhir(json.loads(text)) if text.lstrip()[:1] in ("{", "[") else _of_csv(text))
    except OSError as error:
        raise ConfigurationError(
            f"The worklist {file} cannot be read ({error.strerror}).", "Check the path."
        ) from error
    except (ValueError, csv.Error, RecursionError) as error:
        raise ConfigurationError(f"{file} cannot be read as a worklist: {error}.", _EXPECTED) from error
    found = [sample for sample in dict.fromkeys(one.strip() for one in samples) if sample]
    if not found:
        raise ConfigurationError(f"{file} names no sample.", _EXPECTED)
    return found


def _of_csv(text: str) -> Iterator[str]:
    dialect = csv.Sniffer().sniff(text[:4096], ",;\t") if any(mark in text for mark in ",;\t") else csv.excel
    rows = [row for row in csv.reader(text.splitlines(), dialect) if row]
    if not rows:
        return
    heads = [cell.strip().lower() for cell in rows[0]]
    column = next((heads.index(name) for name in COLUMNS if name in heads), None)
    if column is not None:
        yield from (row[column] if len(row) > column else "" for row in rows[1:])
        return
    for row in rows:
        sample = row[0].strip()
        if len(sample) > _LONGEST or len(sample.split()) > 1 or not sample.isprintable():
            msg = f"no column is named {', '.join(COLUMNS)}, and {sample[:40]!r} is no sample id"
            raise ValueError(msg)
        yield sample


def _of_fhir(found: Any) -> Iterator[str]:
    """The specimen's identifier of each active request, else the request's own."""
    if isinstance(found, list):
        for one in found:
            yield from _of_fhir(one)
    elif isinstance(found, dict) and found.get("resourceType") == "Bundle":
        for entry in found.get("entry") or ():
            yield from _of_fhir(entry.get("resource") if isinstance(entry, dict) else None)
    elif isinstance(found, dict) and found.get("resourceType") == "ServiceRequest":
        if found.get("status", "active") == "active":
            specimens = [one.get("identifier") for one in found.get("specimen") or () if isinstance(one, dict)]
            own = [*(found.get("identifier") or ()), found.get("requisition")]
            named = [one.get("value") for one in [*specimens, *own] if isinstance(one, dict) and one.get("value")]
            if named:
                yield str(named[0])
    elif not isinstance(found, dict) or "resourceType" not in found:
        msg = "it holds no FHIR resource"
        raise ValueError(msg)
