"""`hemato-edge train red-cells`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hemato_training.cli.workstation import Data, Json, console, print_json, require_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hemato_training.red_cells.judged import Rate
    from hemato_training.red_cells.training import Trained


def register(group: typer.Typer) -> None:
    """Add the command to the group `train`."""
    group.command("red-cells")(red_cells)


def red_cells(
    data: Data,
    out: Annotated[Path, typer.Option(help="File of the result, such as red-cell-shapes.json.")],
    seeds: Annotated[int, typer.Option(min=1, max=20, help="How often the fields are dealt anew for judging.")] = 3,
    as_json: Json = False,
) -> None:
    """Fit the head that names shapes of red cells, from chula/ and pbc/; judge it on fields and slides held out.

    Figures abroad are of bccd/ and raabin_fields/, where these are.
    """
    require_extra(("sklearn",))
    from hemato_training.red_cells.training import train_shapes

    said = console(stderr=True)
    made = train_shapes(data, out, seeds, step=lambda what: said.print(f"{what} …"))
    if as_json:
        print_json({"head": str(out), "card": made.head.card.model_dump(mode="json")})
        return
    for line in _lines(made):
        console().print(line, highlight=False, soft_wrap=True)
    next_step = f'hemato-edge run, with shapes = "{out}" under [red_cells] in the settings.'
    said.print(f"{out}. Next: {next_step}", markup=False, soft_wrap=True)


def _lines(made: Trained) -> Iterator[str]:
    """The figures as Markdown tables."""
    yield "| shape | cells | recall, other fields | precision | recall, other slides | precision | told |"
    yield "|---|--:|--:|--:|--:|--:|---|"
    for number, (shape, figures) in enumerate(made.head.card.shapes.items()):
        rates = [rate for held in (made.fields, made.slides) for rate in (held.recall(number), held.precision(number))]
        told = "yes" if figures.reliable else "no"
        yield f"| {shape} | {made.cells[shape]} | {' | '.join(map(_rate, rates))} | {told} |"
    for name, held in (("other fields", made.fields), ("other slides", made.slides)):
        yield f"{name}: {held.named:.0f} % of the cells have a name, of these right {_rate(held.right)} %"
    yield ""
    yield "| shape | chosen | recall, other slides, choice without them | precision |"
    yield "|---|--:|--:|--:|"
    for number, times in sorted(made.chosen.items()):
        rates = [made.nested.recall(number), made.nested.precision(number)]
        yield f"| {made.head.card.labels[number]} | {times} of {made.slide_count} | {' | '.join(map(_rate, rates))} |"
    yield ""
    yield "| pictures | cells with a name | " + " | ".join(made.head.card.labels) + " |"
    yield "|---|--:|" + "--:|" * len(made.head.card.labels)
    for name, (named, shares) in made.elsewhere.items():
        yield (
            f"| {name} | {named:.0f} | " + " | ".join(_rate(shares[label], 1) for label in made.head.card.labels) + " |"
        )


def _rate(rate: Rate, digits: int = 0) -> str:
    if rate.value is None or rate.low is None or rate.high is None:
        return "–"
    return f"{rate.value:.{digits}f} ({rate.low:.{digits}f} – {rate.high:.{digits}f})"
