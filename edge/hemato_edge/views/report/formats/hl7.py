r"""The report as an HL7 v2.5.1 message ORU^R01 (HL7 Messaging Standard 2.5.1, chapters 2 and 7).

The results are preliminary (OBX-11 "P"): they are for research use. Codes are those of the FHIR report; where LOINC has
none, such as for an interval, the code is ours (system 99HEMATOEDGE). No patient is named, so there is no PID. The text
is UTF-8, as MSH-18 says. Escaping is written here: the library `hl7` 0.4.5 writes signs beyond ASCII as `\Xb5\`, which
is no UTF-8, and a line break as `\X a\`, which is nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.views.report.cautions import caution_lines
from hemato_edge.views.report.formats.fhir import PANEL, VOLUME_TERMS, Term, nucleated_term, percent_term
from hemato_edge.views.report.words import approval_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from hemato_edge.views.report.model import Report

_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})
"""Chapter 2.7.1 of the standard."""
_OURS = "99HEMATOEDGE"
_FLAGS = {"low": "L", "high": "H"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ends of a message, MSH-3 to MSH-6 and MSH-11.

    Attributes:
        device: sending facility.
        application, facility: the receiver's.
        processing: "P" production, "T" training, "D" debugging (table 0103).
    """

    device: str = ""
    application: str = ""
    facility: str = ""
    processing: str = "T"


PLAIN = Addresses()


def oru_r01(report: Report, addresses: Addresses = PLAIN) -> str:
    """The message; its segments end with a carriage return, as the standard has it.

    Its control id (MSH-10) is a digest of the content, so that a message that comes twice is known by it.
    """
    start, end = report.period
    when = _time(end or start or report.session.started_utc)
    body = "".join(f"{segment}\r" for segment in _body(report, when))
    control = hashlib.sha256(f"{addresses.device}{body}".encode()).hexdigest()[:20].upper()
    ends = (addresses.device, addresses.application, addresses.facility)
    device, application, facility = map(_escaped, ends)
    return (
        f"MSH|^~\\&|hemato-edge|{device}|{application}|{facility}|{when}||ORU^R01^ORU_R01|{control}"
        f"|{addresses.processing}|2.5.1|||AL|NE||UNICODE UTF-8\r{body}"
    )


def control_id(message: str) -> str:
    """MSH-10 of a message of ours."""
    return message.split("\r", 1)[0].split("|")[9]


def _body(report: Report, when: str) -> Iterator[str]:
    session = report.session
    start, end = report.period
    filler = f"{session.id}^hemato-edge"
    panel = _coded(PANEL)
    times = f"{_time(start) if start else ''}|{_time(end) if end else ''}"
    yield f"OBR|1||{filler}|{panel}|||{times}{'|' * 14}{when}|||P"
    microscope = "; ".join(words for words in (report.verified, report.adapted) if words)
    notes = [report.notice, approval_line(report), f"Of the microscope: {microscope}."]
    notes += [*caution_lines(report), report.method]
    yield from (f"NTE|{number}|L|{_escaped(text)}" for number, text in enumerate(notes, 1))
    for number, observation in enumerate(_observations(report), 1):
        yield f"OBX|{number}|{observation}|||P|||{when}"
    if session.label:
        yield f"SPM|1|^{_escaped(session.label)}||BLD^Whole blood^HL70487"


def _observations(report: Report) -> Iterator[str]:
    """OBX-2 to OBX-8 of each: a figure, then its interval, then the cells behind it."""
    for row in report.differential:
        term = percent_term(row.label)
        limits = f"{row.reference[0]:g}-{row.reference[1]:g}" if row.reference else ""
        yield from _figure(row.label, term, row.percent, "%", (limits, _FLAGS.get(row.flag or "", "")))
        yield from _support(row.label, term, row.interval, row.count, "%")
    nucleated, unit = report.nucleated_red_cells, "/100{WBCs}"
    yield from _figure("nrbc", nucleated_term(), nucleated.per_100_wbc, unit)
    yield from _support("nrbc", nucleated_term(), nucleated.interval, nucleated.count, unit)
    yield f"NM|unclassified^Unclassified white cells^{_OURS}||{report.unclassified}|{{cells}}^^UCUM||"
    if report.estimates is None:
        return
    for kind, found in (("white", report.estimates.white), ("platelet", report.estimates.platelet)):
        if found is not None:
            per_l = found.e9_per_l
            ends = None if per_l.ci_high is None else (per_l.ci_low, per_l.ci_high)
            yield from _figure(kind, VOLUME_TERMS[kind], per_l.value, "10*9/L")
            yield from _support(kind, VOLUME_TERMS[kind], ends, found.count, "10*9/L")


def _figure(name: str, term: Term, value: float | None, unit: str, judged: tuple[str, str] = ("", "")) -> Iterator[str]:
    """A figure that is not known is left out."""
    if value is not None:
        limits, flag = judged
        coded = _coded(term) if term[0] else f"{name}^{_escaped(term[1])}^{_OURS}"
        yield f"NM|{coded}||{value:.10g}|{unit}^^UCUM|{limits}|{flag}"


def _support(name: str, term: Term, ends: tuple[float, float] | None, cells: int, unit: str) -> Iterator[str]:
    words = _escaped(term[1])
    if ends is not None:  # a range as a structured numeric, the data type SN
        low, high = ends
        code = f"{name}-ci95^95 % confidence interval: {words}^{_OURS}"
        yield f"SN|{code}||^{low:.10g}^-^{high:.10g}|{unit}^^UCUM||"
    yield f"NM|{name}-cells^Cells counted: {words}^{_OURS}||{cells}|{{cells}}^^UCUM||"


def _coded(term: Term) -> str:
    return f"{term[0]}^{_escaped(term[1])}^LN"


def _escaped(text: str) -> str:
    """Text for a field: without control characters, which would end a segment or a message."""
    return "".join(sign if sign.isprintable() else " " for sign in text).translate(_ESCAPES)


def _time(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%S%z")
