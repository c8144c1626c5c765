"""The formats of a report: each is one function from a report to text or bytes.

Another package adds one by an entry point of the group `hemato_edge.report_formats` that names a `Format`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.extensions import REPORT_FORMATS, extension, extension_names

if TYPE_CHECKING:
    from hemato_edge.store.reader import Reader
    from hemato_edge.views.report.model import Report

Write = Callable[["Report", "Reader"], "Iterable[str] | Iterable[bytes]"]
"""Makes the pieces of a file; the reader is of the report's database, for pictures, fields and cells."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a report.

    Attributes:
        help: what it is, in a few words.
        write: see `Write`. What it needs is imported when it is called.
        binary: it makes bytes, which do not go to a terminal.
        join: makes one file of several sessions; None where a file holds one.
    """

    help: str
    write: Write
    binary: bool = False
    join: Callable[[Iterable[Report]], Iterable[bytes]] | None = None


def _text(report: Report, _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.text import report_lines

    return (f"{line}\n" for line in report_lines(report))


def _json(report: Report, _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.model import as_json

    yield from (as_json(report), "\n")


def _csv(report: Report, _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.tables import report_csv

    yield report_csv(report)


def _html(report: Report, reader: Reader) -> Iterator[str]:
    from hemato_edge.views.report.html import report_page

    return report_page(reader, report)


def _fhir(report: Report, _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.fhir import diagnostic_report

    yield from (diagnostic_report(report), "\n")


OURS: dict[str, Format] = {
    "text": Format("plain text", _text),
    "json": Format("one JSON document", _json),
    "csv": Format("a table for spreadsheets", _csv),
    "html": Format("one page that prints", _html),
    "fhir": Format("an HL7 FHIR R4 DiagnosticReport", _fhir),
}
"""This package's own."""


class _Formats(Mapping[str, Format]):
    """Name → format: this package's, then those of other packages, which are loaded when they are asked for."""

    def __getitem__(self, name: str) -> Format:
        if name in OURS:
            return OURS[name]
        found = extension(REPORT_FORMATS, name)
        if not isinstance(found, Format):
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from OURS
        yield from (name for name in extension_names(REPORT_FORMATS) if name not in OURS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


FORMATS: Mapping[str, Format] = _Formats()
"""Name, as in `report --format NAME` → format."""
