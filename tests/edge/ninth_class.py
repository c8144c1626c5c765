"""A ninth class, put into `CELL_CLASSES` alone, and the way through every view: run by `test_labels`.

It is a program of its own because every module takes what it needs from `labels` when it is imported.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemato_edge.store.reader import Reader
    from hemato_edge.views.report.model import Report

LABELS = Path(__file__).parents[2] / "edge" / "hemato_edge" / "labels.py"
CLASS = """
    CellClass(
        name="plasma_cell",
        plural="Plasma cells",
        short="pla",
        key="c",
        role="white",
        colour="#56b4e9",
        loinc="99999-9",
        reference=(0, 1),
        aliases=("plasmacyte", "pc"),
        drawn_share=0.4,
        drawn_as="lymphocyte",
    ),
"""


def put_in() -> None:
    """Make `hemato_edge.labels` the file as it stands with one more class, before anything has imported it."""
    before, mark, after = LABELS.read_text(encoding="utf-8").partition('    CellClass(\n        name="erythroblast"')
    assert mark, "the white cells end where the nucleated red cells begin"
    module = ModuleType("hemato_edge.labels")
    module.__file__ = str(LABELS)
    sys.modules["hemato_edge.labels"] = module
    exec(compile(before + CLASS + mark + after, str(LABELS), "exec"), module.__dict__)  # noqa: S102  our own file


def walk(folder: Path) -> None:
    """Record a session with the class and look for it in all that shows cells."""
    from recorded import record

    from hemato_edge.outlets.mqtt.messages import counts_content
    from hemato_edge.store.reader import Reader
    from hemato_edge.views.report.build import build_report

    labels = ["plasma_cell"] * 30 + ["neutrophil"] * 90
    settings = {"reference.plasma_cell": [0.0, 1.0]}
    record(folder / "x.db", labels, pictures=True, settings=settings)
    with Reader(folder / "x.db") as reader:
        report = build_report(reader)
        shown = views(reader, report)
        totals = reader.totals(1)
        shown["mqtt"] = str(counts_content(reader.session(1), totals)["labels"])
    for view, text in shown.items():
        named = ("Plasma cells", "plasma_cell", "plasma-cell", "plasma cell", "pla 30")
        assert any(name in text for name in named), f"{view} does not know the class: {text[:300]}"
    row = next(row for row in report.differential if row.label == "plasma_cell")
    assert (row.count, row.percent, row.reference, row.flag) == (30, 25.0, (0.0, 1.0), "high")
    assert "#56b4e9" in shown["html"]
    assert "99999-9" in shown.get("fhir", "99999-9")
    elsewhere()


def views(reader: Reader, report: Report) -> dict[str, str]:
    """View → what it says of the session."""
    import io

    from rich.console import Console

    from hemato_edge.cli.records.review_keys import _HELP, KEYS
    from hemato_edge.errors import MissingExtraError
    from hemato_edge.views.report.formats.live import live_table, progress_line
    from hemato_edge.views.report.formats.registry import FORMATS

    totals = reader.totals(1)
    stream = io.StringIO()
    Console(file=stream, width=100).print(live_table(totals, {"Camera": "demo"}))
    shown = {
        "live table": stream.getvalue(),
        "progress line": progress_line(totals),
        "review": f"{_HELP} {KEYS['c']}",
    }
    for name, one in FORMATS.items():
        try:
            pieces = [piece for piece in one.write([report], reader) if isinstance(piece, str)]
        except MissingExtraError as error:
            sys.stderr.write(f"{error}\n")
        else:
            if not one.binary:
                shown[name] = "".join(pieces)
    return shown


def elsewhere() -> None:
    """Settings, the drawn slide, the readers of data sets, folders of cells, the metrics."""
    from hemato_edge.cameras.demo.smear import spread
    from hemato_edge.labels import CLASSIFIER_LABELS, LEUKOCYTES, REVIEW_LABELS
    from hemato_edge.settings.example import example_file
    from hemato_edge.settings.report import ReferenceSettings
    from hemato_edge.store.records import Totals

    assert ReferenceSettings().model_dump()["plasma_cell"] == (0, 1)
    assert "plasma_cell = [0, 1]" in example_file()
    drawn = [placed.plan.label for placed in spread(1, (1200, 900), 20, 0.1)]
    assert drawn.count("plasma_cell") >= 3
    assert CLASSIFIER_LABELS[: len(LEUKOCYTES)] == LEUKOCYTES
    assert "plasma_cell" in REVIEW_LABELS
    try:
        from hemato_training.data.formats.class_names import find_label
    except ImportError:
        sys.stderr.write("the workstation's half is not installed\n")
    else:
        assert {find_label(name) for name in ("Plasma Cells", "PC", "plasmacyte")} == {"plasma_cell"}
    try:
        from hemato_edge.outlets.prometheus.readings import _of_cells
    except ImportError:
        sys.stderr.write("prometheus-client is not installed\n")
    else:
        totals = Totals(
            session=1,
            fields=1,
            frames=1,
            wbc=2,
            rbc=0,
            platelet=0,
            labels={"plasma_cell": 2},
            rejected={},
            dropped=0,
            skipped={},
        )
        assert any("plasma_cell" in str(metric.samples) for metric in _of_cells(totals))


if __name__ == "__main__":
    put_in()
    walk(Path(sys.argv[1]))
