"""The report as one self-contained page that prints well and reads on a phone: made from `templates/report.html.j2`."""

from __future__ import annotations

from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from hemato_edge.counting.differential import FLAGGED_FROM
from hemato_edge.errors import ImageError
from hemato_edge.escaped import without_controls
from hemato_edge.home import from_home
from hemato_edge.labels import BY_NAME, ERYTHROBLAST, KINDS, REVIEW_LABELS
from hemato_edge.languages import recorded_words_of, words_of, written_in
from hemato_edge.store.recorded_settings import number_set
from hemato_edge.views.report import figures, words
from hemato_edge.views.report.cautions import caution_lines, mark, unknown_mark
from hemato_edge.views.report.explanations import MEASURES
from hemato_edge.views.report.formats.charts import MAX_CELLS, MAX_REGIONS, bar_axis, interval_bar, slide_map
from hemato_edge.views.report.formats.gallery import gallery
from hemato_edge.views.report.incidents import camera_line, tracking_line
from hemato_edge.views.report.red_cells.words import red_cell_lines
from hemato_edge.views.report.subtypes.words import subtype_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jinja2 import Environment

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import FieldRecord
    from hemato_edge.views.report.model import Report

TEMPLATES = Path(__file__).parent / "templates"
_LOGOS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
FILES_SHOWN, FILES_LISTED = 20, 1000
"""Pictures that a report of files lists openly, and folded; the others are in the database."""


def report_page(reader: Reader, report: Report, language: str = "en") -> Iterator[str]:
    """The page, piece by piece.

    Args:
        reader: of the database that the report was made from; the pictures, fields and cells are read from it.
        report: from `build.build_report`.
        language: of `languages.LANGUAGES`.
    """
    return _environment(language).get_template("report.html.j2").generate(page_context(reader, report, language))


def page_context(reader: Reader, report: Report, language: str = "en") -> dict[str, Any]:
    """What the template shows. All text in it is escaped there; only drawings go in as they are."""
    session = report.session.id
    fields, labels = list(reader.fields(session)), reader.totals(session).labels
    return {
        "report": report,
        "session": report.session,
        "letterhead": report.letterhead,
        "logo": _logo(report.letterhead.logo),
        "classes": BY_NAME,
        "kinds": KINDS,
        "bars": [interval_bar(row, language) for row in report.differential],
        "bar_axis": bar_axis(language),
        "flagged_from": FLAGGED_FROM,
        "estimated": any(row.estimate is not None for row in report.differential),
        "nucleated": report.nucleated_red_cells,
        "counts": _counts(report),
        "not_counted": {**report.rejected, "dropped": report.dropped, **report.skipped},
        "quality": _quartiles(field.quality for field in fields),
        "measures": MEASURES,
        **_way(reader, report, fields, language),
        "found_classes": [BY_NAME[name] for name in REVIEW_LABELS if labels.get(name)],
        "gallery": gallery(reader, session, labels, language=language),
        "review": _review(reader, session),
        "provenance": _provenance(report, language),
        **_sentences(report, language),
    }


def _sentences(report: Report, language: str) -> dict[str, object]:
    """What the plain text says, too."""
    return {
        "times": words.times_line(report, language),
        "target": words.target_line(report, language),
        "ended_because": words.interruption(report, language),
        "approval": words.approval_line(report, language),
        "cautions": list(caution_lines(report, language)),
        "marks": [mark(report, row, language) for row in report.differential],
        "nucleated_mark": unknown_mark(report, ERYTHROBLAST, language),
        "field_of_view": recorded_words_of(language)(report.field_of_view),
        "nucleated_lines": list(words.nucleated_lines(report, language)),
        "warnings": list(words.warning_lines(report, language)),
        "red_cells": list(red_cell_lines(report, language)),
        "camera": camera_line(report.camera, language),
        "morphology": [*words.morphology_lines(report, language), *subtype_lines(report, language)],
    }


def _environment(language: str) -> Environment:
    from jinja2 import Environment, FileSystemLoader

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=lambda value: without_controls(value) if type(value) is str else value,  # HTML knows no control codes
    )
    made.globals |= {"_": words_of(language), "recorded": recorded_words_of(language), "language": language}
    made.filters |= {
        "decimal": lambda value: figures.decimal(value, language),
        "interval": lambda ends: figures.interval(ends, language),
        "digits": lambda value: figures.three_digits(value, language),
        "reference": lambda ends: " – ".join(written_in(language, f"{end:g}") for end in ends) if ends else "",
        "spaced": lambda name: words.spaced(str(name), language),
    }
    return made


def _logo(path: str) -> str:
    """A picture as a data URL; empty without one.

    Raises:
        ImageError: it cannot be read, or is of another kind.
    """
    if not path:
        return ""
    import base64

    kind = _LOGOS.get(Path(path).suffix.lower())
    if kind is None:
        raise ImageError(f"The logo {path} is none of {', '.join(_LOGOS)}.", "Set report.logo to another file.")
    try:
        content = from_home(path).read_bytes()
    except OSError as error:
        raise ImageError(f"The logo {path} cannot be read: {error.strerror}.", "Set report.logo.") from error
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _counts(report: Report) -> list[dict[str, object]]:
    estimates = report.estimates
    of = {} if estimates is None else {"wbc": estimates.white, "platelet": estimates.platelet}
    names = {"wbc": "White cells", "rbc": "Red cells", "platelet": "Platelets"}  # the template says them
    return [
        {"name": name, "count": report.counts[kind], "per_field": report.per_field[kind], "estimate": of.get(kind)}
        for kind, name in names.items()
    ]


def _quartiles(measures: Iterable[Mapping[str, float | None]]) -> dict[str, list[float]]:
    """Name → lower quartile, median and upper quartile of what was measured."""
    found: dict[str, list[float]] = {}
    for one in measures:
        for name, value in one.items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return {name: quantiles(values, n=4) if len(values) > 1 else values * 3 for name, values in found.items()}


def _way(reader: Reader, report: Report, fields: list[FieldRecord], language: str) -> dict[str, object]:
    """The largest stretches as maps, or, for pictures from files, the list of them."""
    _ = words_of(language)
    regions: dict[int, list[FieldRecord]] = {}
    for field in fields:
        if field.region is not None:
            regions.setdefault(field.region, []).append(field)
    um_per_px = number_set(report.provenance.settings, "calibration.um_per_px")
    maps, counts, session = [], reader.cells_per_region(report.session.id), report.session.id
    for region in sorted(sorted(regions, key=lambda region: -len(regions[region]))[:MAX_REGIONS]):
        count = counts.get(region, 0)
        every = max(1, -(-count // MAX_CELLS))
        drawing = slide_map(regions[region], reader.places(session, region, every), um_per_px, language)
        size = _("{n} fields, {cells} cells", n=len(regions[region]), cells=count)
        if every > 1:
            size += f", {_('one in {n} drawn', n=every)}"
        maps.append({"region": region, "size": size, "drawing": drawing})
    return {
        "maps": maps,
        "stretches": len(regions),
        "tracking": tracking_line(report.tracking, language),
        "files": [] if regions else fields,
        "files_shown": FILES_SHOWN,
        "files_listed": FILES_LISTED,
    }


def _review(reader: Reader, session: int) -> dict[str, object] | None:
    everything = reader.relabels(session)
    if not everything:
        return None
    changes = [change for change in everything if change.before != change.after]
    return {
        "who": sorted({change.who for change in everything}),
        "changes": changes,
        "confirmed": len(everything) - len(changes),
    }


def _provenance(report: Report, language: str) -> dict[str, object]:
    _ = words_of(language)
    made = report.provenance
    changed = (
        _("{change} after {n} frames", change=change, n=frames) for change, frames in made.settings_changed.items()
    )
    return {
        _("Model"): f"{made.model_name}, SHA-256 {made.model_sha256}",
        _("Settings"): "; ".join([f"SHA-256 {made.settings_sha256}", *changed]),
        _("Calibration"): words.calibration_words(report, language) or _("none"),
        _("Scale"): words.scale_line(report, language) or figures.NOTHING,
        _("Versions"): ", ".join(f"{name} {version}" for name, version in made.versions.items()),
        _("Database"): made.database,
        _("Boot"): made.boot_id,
        _("Last link of its chain"): made.last_link or figures.NOTHING,
    }
