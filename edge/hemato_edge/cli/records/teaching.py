"""`hemato-edge tally` and `hemato-edge quiz`: a laboratory counter on the keyboard, and practice on reviewed cells."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.cli.records.report import AsJson, Database, database_path, open_reader, write
from hemato_edge.cli.records.review import By, reviewer
from hemato_edge.cli.records.review_keys import KEY_HELP, KEYS, QUIT, pressed, show_picture
from hemato_edge.escaped import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord
    from hemato_edge.teaching.quiz import Answered, Question, Result
    from hemato_edge.teaching.tally import Tally

BELL_EVERY = 100
"""White cells."""


def register(root: typer.Typer) -> None:
    """Add `tally` and `quiz`."""
    root.command()(tally)
    root.command()(quiz)


def tally(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The record (CSV); goes on where it ends. Else a new one.")
    ] = None,
    target: Annotated[int, typer.Option(min=1, metavar="N", help="Ring at N white cells, and at each hundred.")] = 200,
    session: Annotated[
        int | None, typer.Option(metavar="ID", help="Count this session's stored cells, each shown with its picture.")
    ] = None,
    db: Database = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Count cells by one key each, as at a laboratory counter; without a camera, or cells of a recorded session.

    Each key is on disk before it is shown. The cells of a session are not renamed: `review` does that.
    """
    from rich.console import Console

    from hemato_edge.teaching.tally import Tally

    screen = Console(highlight=False, stderr=True)
    record = file or _new_file(database_path(db))
    with Tally(record, reviewer(by)) as counter:
        if session is None:
            _count(screen, counter, target)
            machine = None
        else:
            with open_reader(db) as reader:
                machine = _count_session(screen, reader, counter, session, target)
        typer.echo("\n".join(_as_json(counter, machine) if as_json else _lines(counter, machine)))


def quiz(
    db: Database = None,
    session: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="Only cells of this session; may be given again. Else all.")
    ] = None,
    cells: Annotated[int, typer.Option("--questions", min=1, max=1000, metavar="N", help="How many.")] = 50,
    by: By = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The same number asks for the same cells; else another each time.")
    ] = None,
    tell: Annotated[bool, typer.Option("--tell", help="Say after each answer what the reviewers say.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write questions and answers as CSV.")] = None,
    as_json: AsJson = False,
) -> None:
    """Name cells that others have reviewed, and see how far you agree with them. For practice: not a certificate."""
    import secrets

    from rich.console import Console

    from hemato_edge.teaching.quiz import questions, result

    screen, who = Console(highlight=False, stderr=True), reviewer(by)
    drawn_by = secrets.randbelow(10**6) if seed is None else seed
    with open_reader(db) as reader:
        numbers = session or [record.id for record in reader.sessions()]
        asked = questions(reader, numbers, who, cells, drawn_by)
        answers = _ask(screen, reader, asked, tell=tell)
        path = reader.path
    if not answers:
        typer.echo("Nothing was answered.", err=True)
        return
    if out is not None:
        write(_quiz_rows(answers, who, drawn_by), out, path)
    found = result(answers)
    typer.echo(_quiz_json(found, who, drawn_by) if as_json else "\n".join(_quiz_lines(found)))


def _new_file(database: Path) -> Path:
    return database.parent / "tallies" / f"{datetime.now(timezone.utc):%Y-%m-%dT%H%M%S}.csv"


def _count(screen: Console, counter: Tally, target: int) -> None:
    """Until the person quits."""
    screen.print(f"{KEY_HELP}\nz undo · q quit", style="dim")
    _say(screen, counter)
    while (key := pressed("Count in a terminal.")) not in QUIT:
        if key in KEYS:
            _add(screen, counter, KEYS[key], target)
        elif key == "z":
            counter.undo()
            _say(screen, counter)


def _count_session(screen: Console, reader: Reader, counter: Tally, session: int, target: int) -> dict[str, int]:
    """Cell after cell, those that the record has already left out; the machine's answers for the cells counted."""
    cells = {(cell.session, cell.field, cell.number): cell for cell in reader.counted(reader.session(session).id)}

    def left() -> Iterator[CellRecord]:
        while True:
            done = {entry.place for entry in counter.entries}
            found = next((cell for place, cell in cells.items() if place not in done), None)
            if found is None:
                return
            yield found

    for cell in left():
        screen.rule(f"{len(counter.entries) + 1} of {len(cells)}: field {cell.field}, cell {cell.number}")
        show_picture(screen, reader, cell)
        screen.print(f"{KEY_HELP}\nz undo · q quit", style="dim")
        key = pressed("Count in a terminal.")
        if key in QUIT:
            break
        if key == "z":
            counter.undo()
        elif key in KEYS:
            _add(screen, counter, KEYS[key], target, (cell.session, cell.field, cell.number))
    answers: dict[str, int] = {}
    for entry in counter.entries:
        if entry.place in cells:
            label = cells[entry.place].label
            answers[label] = answers.get(label, 0) + 1
    return answers


def _add(screen: Console, counter: Tally, label: str, target: int, place: tuple[int, int, int] | None = None) -> None:
    from hemato_edge.cli.counting.display import ring

    before = counter.white
    counter.count(label, place)
    if counter.white > before and (counter.white == target or counter.white % BELL_EVERY == 0):
        ring()
    _say(screen, counter)


def _say(screen: Console, counter: Tally) -> None:
    from hemato_edge.labels import BY_NAME

    labels = counter.labels
    counts = " ".join(f"{one.short} {labels[name]}" for name, one in BY_NAME.items() if labels.get(name))
    screen.print(f"{counter.white} white cells: {counts}" if counts else "0 white cells")


def _lines(counter: Tally, machine: dict[str, int] | None) -> Iterator[str]:
    from hemato_edge.about import RESEARCH_USE_NOTICE
    from hemato_edge.views.report.build import count_summary
    from hemato_edge.views.report.formats.text import table_lines

    yield from table_lines(count_summary(counter.totals()))
    if machine:
        said = ", ".join(f"{label} {count}" for label, count in sorted(machine.items(), key=lambda one: -one[1]))
        yield f"The program called the same cells: {said}"
    yield f"Recorded in {counter.file}"
    yield RESEARCH_USE_NOTICE


def _as_json(counter: Tally, machine: dict[str, int] | None) -> Iterator[str]:
    from hemato_edge.about import RESEARCH_USE_NOTICE
    from hemato_edge.views.report.build import count_summary
    from hemato_edge.views.report.formats.json_document import as_data

    told = {"file": str(counter.file), **as_data(count_summary(counter.totals())), "program": machine}
    yield json_text(told | {"notice": RESEARCH_USE_NOTICE}, indent=1, ensure_ascii=False)


def _ask(screen: Console, reader: Reader, asked: list[Question], *, tell: bool) -> list[Answered]:
    from hemato_edge.labels import BY_NAME
    from hemato_edge.teaching.quiz import Answered

    answers: list[Answered] = []
    while len(answers) < len(asked):
        question = asked[len(answers)]
        cell = question.cell
        screen.rule(f"{len(answers) + 1} of {len(asked)}")
        show_picture(screen, reader, cell)
        screen.print(f"{KEY_HELP}\nz back · q quit", style="dim")
        key = pressed("Answer in a terminal.")
        if key in QUIT:
            break
        if key == "z" and answers and not tell:
            answers.pop()
        elif key in KEYS:
            answers.append(Answered(cell.session, cell.field, cell.number, question.reference, KEYS[key]))
            if tell:
                screen.print(f"{BY_NAME[KEYS[key]].words}; the reviewers: {BY_NAME[question.reference].words}")
    return answers


def _quiz_rows(answers: list[Answered], who: str, seed: int) -> Iterator[str]:
    from hemato_edge.about import RESEARCH_USE_NOTICE
    from hemato_edge.teaching.quiz import NOT_A_CERTIFICATE

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("question", "who", "session", "field", "cell", "reference", "answer", "right", "seed", "notice"))
    for number, one in enumerate(answers, 1):
        right = int(one.answer == one.reference)
        cell = (one.session, one.field, one.cell, one.reference, one.answer, right)
        rows.writerow((number, who, *cell, seed, f"{NOT_A_CERTIFICATE} {RESEARCH_USE_NOTICE}"))
    yield text.getvalue()


def _quiz_lines(found: Result) -> Iterator[str]:
    from hemato_edge.about import RESEARCH_USE_NOTICE
    from hemato_edge.labels import BY_NAME
    from hemato_edge.site.agreement import LEAST_FOR_KAPPA
    from hemato_edge.teaching.quiz import NOT_A_CERTIFICATE

    low, percent, high = found.percent
    yield f"{found.right} of {found.questions} as the reviewers: {percent:.1f} % (95 % CI {low:.1f} – {high:.1f})"
    if found.kappa is None:
        yield f"Cohen's kappa is given from {LEAST_FOR_KAPPA} cells on."
    else:
        yield "Cohen's kappa {:.2f} (95 % CI {:.2f} – {:.2f})".format(*found.kappa)
    for (reference, answer), count in found.mistaken.items():
        yield f"{BY_NAME[reference].words} called {BY_NAME[answer].words}: {count}"
    yield f"{NOT_A_CERTIFICATE} {RESEARCH_USE_NOTICE}"


def _quiz_json(found: Result, who: str, seed: int) -> str:
    from hemato_edge.about import RESEARCH_USE_NOTICE
    from hemato_edge.teaching.quiz import NOT_A_CERTIFICATE

    mistaken = [{"reference": pair[0], "answer": pair[1], "cells": count} for pair, count in found.mistaken.items()]
    told = {"who": who, "seed": seed, "questions": found.questions, "right": found.right}
    told |= {"percent": found.percent, "kappa": found.kappa, "mistaken": mistaken}
    return json_text(told | {"notice": f"{NOT_A_CERTIFICATE} {RESEARCH_USE_NOTICE}"}, indent=1)
