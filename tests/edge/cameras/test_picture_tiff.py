from __future__ import annotations

import struct

import pytest

from hemato_edge.cameras.picture_tiff import CutOffError, tiff_pages


def directory(kind: int, tag: int, *, big: bool, order: str, data: bytes = b"", values: int = 1) -> bytes:
    """A TIFF of one page with a strip of data, and one tag that says what kind of page it is."""
    offset, count = ("Q", "Q") if big else ("I", "H")
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}H", 43 if big else 42)
    head += struct.pack(f"{order}HHQ", 8, 0, 16) if big else struct.pack(f"{order}I", 8)

    def entry(tag: int, value: int, values: int = 1) -> bytes:
        return struct.pack(f"{order}HH{offset}{offset}", tag, 16 if big else 4, values, value)

    size = struct.calcsize(order + count) + 3 * len(entry(0, 0)) + struct.calcsize(order + offset)
    entries = entry(tag, kind, values) + entry(273, len(head) + size) + entry(279, len(data))
    return head + struct.pack(order + count, 3) + entries + struct.pack(order + offset, 0) + data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["tiff", "bigtiff"])
@pytest.mark.parametrize(
    ("kind", "tag", "field"),
    [
        (0, 254, True),  # a page as any other
        (1, 254, False),  # a smaller copy
        (2, 254, True),  # a page of several
        (4, 254, False),  # a mask
        (5, 254, False),
        (1, 255, True),  # the older tag counts otherwise: 1 is the picture itself
        (2, 255, False),
        (3, 255, True),
    ],
)
def test_smaller_copies_and_masks_are_no_fields(kind: int, tag: int, field: bool, big: bool, order: str) -> None:
    content = directory(kind, tag, big=big, order=order, data=b"pixels")
    assert tiff_pages(content) == [field]
    for kept in range(4, len(content)):
        with pytest.raises(CutOffError):
            tiff_pages(content[:kept])


def test_other_files_have_no_pages() -> None:
    assert tiff_pages(b"\x89PNG\r\n\x1a\n") is None
    assert tiff_pages(b"") is None


def test_directories_in_a_circle_end() -> None:
    entry = struct.pack("<HHII", 254, 4, 1, 0)
    content = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)
    assert tiff_pages(content) == [True]


def test_tags_without_a_value_say_nothing() -> None:
    content = directory(1, 254, big=False, order="<", data=b"pixels", values=0)
    content = content.replace(struct.pack("<HHI", 273, 4, 1), struct.pack("<HHI", 255, 4, 0))  # nor has the older tag
    assert tiff_pages(content) == [True]


def test_a_view_of_bytes_that_may_change_is_read_alike() -> None:
    content = directory(1, 254, big=False, order="<", data=b"pixels")
    assert tiff_pages(memoryview(bytearray(content))) == [False]
