"""`hemato-edge data`: check, split and download the pictures that a model learns from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_edge.errors import DataError
from hemato_training.cli.workstation import Json, console, print_json, require_extra

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hemato_training.data.formats.reading import Reading
    from hemato_training.data.splitting.check import Report, SplitContent
    from hemato_training.data.splitting.split import Division

data_app = typer.Typer(no_args_is_help=True)
Ignore = Annotated[list[str] | None, typer.Option(help="Class or drawn object to leave out; may be repeated.")]
Names = Annotated[
    str | None,
    typer.Option(help="What the numbers of YOLO rows mean, such as wbc,rbc,platelet or 1=wbc,2=rbc; else from files."),
]
_SHOWN, _SHOWN_OF_NOTES = 5, 2
_STYLE = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def register(app: typer.Typer) -> None:
    """Add the group `data`."""
    app.add_typer(data_app, name="data")


@data_app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Folder of one data set.")],
    ignore: Ignore = None,
    names: Names = None,
    show: Annotated[int, typer.Option(help="Examples of each finding; of a note at most two.")] = _SHOWN,
    as_json: Json = False,
) -> None:
    """What a data set holds and what is wrong with it.

    Reads a folder per class, Pascal VOC, YOLO text, COCO JSON, a table, or an index.csv. Exits with 9 if something
    leaks between splits or would break training, with 0 if there are at most warnings.
    """
    from hemato_training.data.splitting.check import check as run_check
    from hemato_training.progress import Screen

    report = run_check(path, _reading(ignore, names), Screen())
    if as_json:
        print_json(report.as_json())
    else:
        _show_report(report, show)
    if report.errors:
        raise typer.Exit(DataError.exit_code)


@data_app.command()
def split(
    path: Annotated[Path, typer.Argument(help="Folder of one data set.")],
    val: Annotated[float, typer.Option(help="Share for validation of the pictures that are dealt.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share for a test, 0 for none.")] = 0.0,
    group_by: Annotated[
        str | None,
        typer.Option(
            help="What must stay together: a column of the index, name:REGEX with one pair of brackets, or none. "
            "Unless given, the index's column group, field, patient or slide."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order in which groups are dealt out.")] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the split that the index or the folders give.")
    ] = False,
    ignore: Ignore = None,
    names: Names = None,
    as_json: Json = False,
) -> None:
    """Divide a data set by groups, evenly by class, and write its index.csv.

    Copies, near copies and pictures made from one original are kept in one split. A split that the folders have (TRAIN
    and TEST) stays, and what it lacks is taken from its training pictures. Whatever would leak is refused.
    """
    from hemato_training.data.splitting.split import split_folder
    from hemato_training.progress import Screen

    shares = {"val": val, **({"test": test} if test else {})}
    division = split_folder(
        path, shares, group_by=group_by, seed=seed, force=force, reading=_reading(ignore, names), reporter=Screen()
    )
    if as_json:
        print_json({**asdict(division), "index": str(division.index)})
    else:
        _show_division(division)


@data_app.command()
def download(
    name: Annotated[str, typer.Argument(help="As `hemato-edge data list` names it.")],
    to: Annotated[Path, typer.Option(help="Directory with one folder per data set.")] = Path("data"),
    archive: Annotated[
        Path | None, typer.Option("--from", help="The archive, if you have fetched it yourself.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the archive after unpacking.")] = False,
    as_json: Json = False,
) -> None:
    """Fetch a public data set from its home, check it and unpack it.

    A broken download goes on where it broke when the same is typed again.
    """
    require_extra(("requests",))
    from hemato_training.data.fetching.catalogue import public_set
    from hemato_training.data.fetching.download import FIRST, LOCK
    from hemato_training.data.fetching.download import download as run_download
    from hemato_training.progress import Screen

    wanted = public_set(name)
    try:
        done = run_download(wanted, to, archive=archive, keep=keep, reporter=Screen())
    except KeyboardInterrupt:
        console(stderr=True).print("Stopped. Type the same again: it goes on from there.")
        raise typer.Exit(130) from None
    if as_json:
        print_json({**asdict(done), "folder": str(done.folder), "licence": wanted.licence, "home": wanted.home})
        return
    screen = console()
    screen.print(f"{done.files} files in {done.folder}. Licence: {wanted.licence}. Name: {wanted.attribution}.")
    screen.print(f"SHA-256 of the archive: {done.sha256}")
    if done.verified == FIRST:
        screen.print(
            f"Its home publishes no hash of this file that is known here, so nothing vouches for it yet but its home's "
            f"certificate. The hash is now in {to / LOCK}, and a later download must have the same."
        )
    if wanted.note:
        screen.print(f"Note: {wanted.note}")
    console(stderr=True).print(f"Next: hemato-edge data check {done.folder}")


@data_app.command(name="list")
def list_sets(as_json: Json = False) -> None:
    """The public data sets that can be downloaded."""
    from hemato_training.data.fetching.catalogue import PUBLIC_SETS

    if as_json:
        print_json([asdict(one) for one in PUBLIC_SETS.values()])
        return
    screen = console()
    for one in PUBLIC_SETS.values():
        size = f"about {one.megabytes} MB, " if one.url else ""
        screen.print(f"[bold]{one.name}[/]  {one.title}", soft_wrap=True)
        screen.print(f"    {size}licence: {one.licence}\n    {one.home}", soft_wrap=True)
        if one.note:
            screen.print(f"    {one.note}", soft_wrap=True)


def _reading(ignore: list[str] | None, names: str | None) -> Reading:
    from hemato_training.data.formats.number_names import is_plain_list, numbered
    from hemato_training.data.formats.reading import Reading

    return Reading(tuple(ignore or ()), numbered(names) if names else {}, bool(names) and is_plain_list(names or ""))


def _show_contents(splits: Mapping[str, SplitContent], title: str) -> None:
    from rich.table import Table

    table = Table(title=title)
    table.add_column("")
    for name in splits:
        table.add_column(name, justify="right")
    table.add_column("all", justify="right")
    rows: dict[str, list[int]] = {
        "pictures": [c.pictures for c in splits.values()],
        "groups": [c.groups for c in splits.values()],
    }
    for label in {label: None for c in splits.values() for label in c.cells}:
        rows[label] = [c.cells.get(label, 0) for c in splits.values()]
    for kind in {kind: None for c in splits.values() for kind in c.boxes}:
        rows[f"{kind} boxes"] = [c.boxes.get(kind, 0) for c in splits.values()]
    for name, counts in rows.items():
        table.add_row(name, *map(str, counts), str(sum(counts)))
    console().print(table)


def _show_report(report: Report, show: int) -> None:
    from rich.markup import escape

    from hemato_training.data.formats.picture_set import LAYOUTS

    screen = console()
    _show_contents(report.splits, report.path)
    screen.print(f"Layout: {LAYOUTS[report.layout]}.")
    sizes = [f"{size} ({count})" for size, count in list(report.sizes.items())[:_SHOWN]]
    more = f" and {len(report.sizes) - _SHOWN} more sizes" if len(report.sizes) > _SHOWN else ""
    screen.print(f"Sizes in pixels: {', '.join(sizes)}{more}.")
    for finding in report.findings:
        mark = f"[{_STYLE[finding.level]}]{finding.level:7}[/]"
        screen.print(f"{mark} {finding.count} {escape(finding.message)}", soft_wrap=True)
        shown = show if finding.level != "note" else min(show, _SHOWN_OF_NOTES)
        for example in finding.examples[:shown]:
            screen.print(f"        {escape(example)}", soft_wrap=True)
        if len(finding.examples) > shown:
            screen.print(f"        … and {len(finding.examples) - shown} more (--show, or --json for all)")
    if report.errors:
        screen.print("Mend the errors before training.")
    elif not report.findings:
        screen.print("Nothing is wrong with it.")
    else:
        screen.print("Nothing here leaks or breaks training.")


def _show_division(division: Division) -> None:
    _show_contents(division.splits, str(division.index))
    screen = console()
    screen.print(f"Grouped by: {division.grouped_by}. Parts that could be dealt out: {division.blocks}.")
    if division.kept:
        screen.print(f"The folder's own split was kept ({', '.join(division.kept)}); --force deals it anew.")
    if division.originals is not None:
        screen.print(f"An augmented set of about {division.originals} originals: sisters were kept together.")
    if division.joined:
        screen.print(f"{division.joined} copies or sisters were kept with their originals.")
    what = "named cells" if division.cells else "fields"
    screen.print(f"SHA-256 of the split, over its {what}, as a model's card gives it:\n{division.split_sha256}")
    folder = division.index.resolve().parent
    if division.cells:
        console(stderr=True).print(
            f"Next: hemato-edge evaluate MODEL --data {folder.parent} --laboratory {folder.name}"
        )
