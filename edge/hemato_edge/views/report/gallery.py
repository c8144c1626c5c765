"""The cells of a report, class by class, the least certain first, each beside what spoke for its label."""

from __future__ import annotations

import base64
import struct
import zlib
from html import escape
from typing import TYPE_CHECKING

from hemato_edge.labels import BY_NAME, REVIEW_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hemato_edge.store.reader import Reader
    from hemato_edge.store.records import CellRecord, PortraitRecord

PER_CLASS = 24
"""Cells shown of each class: the others are in the database, and `review export` takes all of them out."""
_HEAT = (255, 200, 0)
_HEAT_OPACITY = 0.6


def gallery(reader: Reader, cells: Iterable[CellRecord], per_class: int = PER_CLASS) -> Iterator[str]:
    """HTML of the gallery, class by class.

    Args:
        reader: of the database, for the pictures.
        cells: of one session.
        per_class: how many of each class.
    """
    by_name: dict[str, list[CellRecord]] = {}
    for cell in cells:
        by_name.setdefault(cell.name, []).append(cell)
    for label in REVIEW_LABELS:
        own = sorted(by_name.get(label, ()), key=lambda cell: cell.confidence)
        if own:
            yield from _one_class(reader, label, own, per_class)


def _one_class(reader: Reader, label: str, cells: list[CellRecord], per_class: int) -> Iterator[str]:
    pictures = ((cell, reader.portrait(cell.session, cell.field, cell.number)) for cell in cells)
    shown: list[str] = []
    for cell, picture in pictures:
        if picture is not None:
            shown.append(_card(cell, picture))
        if len(shown) == per_class:
            break
    of_how_many = f"{len(shown)} of {len(cells)}, the least certain" if len(shown) < len(cells) else str(len(cells))
    shown_as = BY_NAME[label]
    dot = f'<i class="dot" style="background:{shown_as.colour}"></i>'
    yield f"<h3>{dot}{shown_as.plural} <small>{of_how_many}</small></h3>"
    yield '<div class="gallery">'
    yield from shown
    yield "</div>" if shown else "<p>No pictures of these were kept.</p></div>"


def _card(cell: CellRecord, picture: PortraitRecord) -> str:
    said = f"{100 * cell.confidence:.0f} %"
    if cell.relabelled is not None:
        was = f"{BY_NAME[cell.label].words} {said}"
        said = f"confirmed, {said}" if cell.relabelled == cell.label else f"machine: {was}"
    elif cell.label != cell.best:
        said = f"{BY_NAME[cell.best].words}? {said}"
    place = f"field {cell.field}, cell {cell.number}"
    heat = f'<b style="background-image:url({_data("png", heat_png(picture.activation))})"></b>'
    return (
        f'<figure style="--cell:url({_data("jpeg", picture.jpeg)})" title="{escape(place)}">'
        f'<span role="img" aria-label="{escape(place)}"></span>'
        f"<span>{heat if picture.activation else ''}</span>"
        f"<figcaption>{escape(said)}</figcaption></figure>"
    )


def heat_png(activation: tuple[bytes, ...]) -> bytes:
    """The activation as a tiny PNG in one colour, opaque where most spoke for the label; the browser enlarges it.

    The opacity grows with the square: what spoke half as much shows a quarter, and the place stands out.

    Written by hand (PNG specification, W3C 2003): a picture of 4 × 4 pixels is no reason to load a library.
    """
    rows = b"".join(
        b"\0" + b"".join(bytes((*_HEAT, round(_HEAT_OPACITY * share * share / 255))) for share in row)
        for row in activation
    )
    columns = len(activation[0]) if activation else 0
    header = struct.pack(">IIBBBBB", columns, len(activation), 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
