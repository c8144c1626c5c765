"""The formats of a report: each is one function from a report to text or bytes.

Another package adds one by an entry point of the group `hemato_edge.report_formats` that names a `Format`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.extensions import REPORT_FORMATS, extension, extension_names

if TYPE_CHECKING:
    from hemato_edge.store.reader import Reader
    from hemato_edge.views.report.model import Report

Write = Callable[["Sequence[Report]", "Reader"], "Iterable[str] | Iterable[bytes]"]
"""Makes the pieces of a file; the reader is of the reports' database, for pictures, fields and cells."""
WriteIn = Callable[["Sequence[Report]", "Reader", str], "Iterable[str] | Iterable[bytes]"]
"""The same in a language of `languages.LANGUAGES`."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a report.

    Attributes:
        help: what it is, in a few words.
        write: see `Write`. What it needs is imported when it is called.
        binary: it makes bytes, which do not go to a terminal.
        several: one file holds several sessions; else `write` is given one.
        write_in: writes it in a language; None for what programs read, which is English.
    """

    help: str
    write: Write
    binary: bool = False
    several: bool = False
    write_in: WriteIn | None = None

    def pieces(self, reports: Sequence[Report], reader: Reader, language: str) -> Iterable[str] | Iterable[bytes]:
        """The pieces of a file, in the language where this is a format for people."""
        return self.write(reports, reader) if self.write_in is None else self.write_in(reports, reader, language)


def _text(reports: Sequence[Report], _: Reader, language: str = "en") -> Iterator[str]:
    from hemato_edge.views.report.formats.text import report_lines

    for number, report in enumerate(reports):
        yield from ("\n",) if number else ()
        yield from (f"{line}\n" for line in report_lines(report, language))


def _json(reports: Sequence[Report], _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.formats.json_document import as_json

    yield from (as_json(reports[0]), "\n")


def _csv(reports: Sequence[Report], _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.formats.tables import report_csv

    yield report_csv(*reports)


def _html(reports: Sequence[Report], reader: Reader, language: str = "en") -> Iterator[str]:
    from hemato_edge.views.report.formats.html import report_page

    return report_page(reader, reports[0], language)


def _fhir(reports: Sequence[Report], _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.formats.fhir import diagnostic_report

    yield from (diagnostic_report(reports[0]), "\n")


def _hl7(reports: Sequence[Report], _: Reader) -> Iterator[str]:
    from hemato_edge.views.report.formats.hl7 import oru_r01

    yield oru_r01(reports[0])


def _xlsx(reports: Sequence[Report], _: Reader) -> Iterator[bytes]:
    from hemato_edge.views.report.formats.workbook import workbook

    return workbook(reports)


OURS: dict[str, Format] = {
    "text": Format("plain text", _text, several=True, write_in=_text),
    "json": Format("one JSON document", _json),
    "csv": Format("a table for spreadsheets", _csv, several=True),
    "html": Format("one page that prints", _html, write_in=_html),
    "fhir": Format("an HL7 FHIR R4 DiagnosticReport", _fhir),
    "hl7": Format("an HL7 v2.5.1 ORU^R01 message", _hl7),
    "xlsx": Format("a workbook", _xlsx, binary=True, several=True),
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
