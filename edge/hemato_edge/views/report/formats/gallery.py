"""The cells of a report, class by class, the least certain first, each beside what spoke for its label."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hemato_edge.labels import BY_NAME, REVIEW_LABELS, CellClass
from hemato_edge.languages import words_of
from hemato_edge.morphology import phrases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord, PortraitRecord

PER_CLASS = 24
"""Cells shown of each class: the others are in the database, and `review export` takes all of them out."""
_HEAT = "#7a0177"


@dataclass(frozen=True, slots=True)
class Card:
    """One cell.

    Attributes:
        picture: data URL of its portrait.
        alt: what it shows, for who does not see it.
        label: what it counts as, in words.
        said: what the machine said of it.
        place: its field and number.
        map: the activation as SVG; empty where there is none.
        words: its morphological attributes of which the machine was sure, each with its probability.
    """

    picture: str
    alt: str
    label: str
    said: str
    place: str
    map: str
    words: str


@dataclass(frozen=True, slots=True)
class Group:
    """The cells of one class; `how_many` says how many of how many are shown."""

    known: CellClass
    how_many: str
    cards: tuple[Card, ...]


def gallery(
    reader: Reader, session: int, labels: Mapping[str, int], per_class: int = PER_CLASS, language: str = "en"
) -> Iterator[Group]:
    """The groups, class by class: cells and pictures are read as they are asked for, and no more than are shown.

    Args:
        reader: of the database.
        session: its number.
        labels: label → how many cells count as it.
        per_class: how many of each class.
        language: of the words.
    """
    for label in REVIEW_LABELS:
        if count := labels.get(label, 0):
            yield _group(reader, BY_NAME[label], reader.pictured(session, label, per_class), count, language)


def _group(reader: Reader, known: CellClass, cells: list[CellRecord], count: int, language: str) -> Group:
    pictures = ((cell, reader.portrait(cell.session, cell.field, cell.number)) for cell in cells)
    cards = tuple(_card(cell, portrait, language) for cell, portrait in pictures if portrait is not None)
    how_many = str(count)
    if len(cards) < count:
        how_many = words_of(language)("{n} of {all}, the least certain", n=len(cards), all=count)
    return Group(known, how_many, cards)


def _card(cell: CellRecord, portrait: PortraitRecord, language: str) -> Card:
    _ = words_of(language)
    said = f"{100 * cell.confidence:.0f} %"
    if cell.relabelled == cell.label:
        said = f"{_('confirmed')}, {said}"
    elif cell.relabelled is not None:
        said = f"{_('machine')}: {_(BY_NAME[cell.label].words)} {said}"
    elif cell.label != cell.best:
        said = f"{_(BY_NAME[cell.best].words)}? {said}"
    place = _("field {field}, cell {cell}", field=cell.field, cell=cell.number)
    label = _(BY_NAME[cell.name].words)
    looked = _("where the classifier looked: {what}", what=f"{label}, {place}")
    return Card(
        picture=f"data:image/jpeg;base64,{base64.b64encode(portrait.jpeg).decode()}",
        alt=f"{label}, {said}, {place}",
        label=label,
        said=said,
        place=place,
        map=heat_map(portrait.activation, looked) if portrait.activation else "",
        words=", ".join(f"{_(words)} {share:.0%}" for words, share in phrases(cell.attributes)),
    )


def heat_map(activation: tuple[bytes, ...], title: str) -> str:
    """The activation as SVG, one square a value: opaque where most spoke for the label, as coarse as it is.

    The opacity grows with the square: what spoke half as much shows a quarter, and the place stands out.
    """
    from html import escape

    columns, rows = len(activation[0]), len(activation)
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="1.02" height="1.02" fill="{_HEAT}" fill-opacity="{(share / 255) ** 2:.2f}"/>'
        for y, row in enumerate(activation)
        for x, share in enumerate(row)
        if share
    )
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {columns} {rows}" preserveAspectRatio="none" '
        f'xmlns="http://www.w3.org/2000/svg"><rect width="100%" height="100%" fill="#f2f4f6"/>{squares}</svg>'
    )
