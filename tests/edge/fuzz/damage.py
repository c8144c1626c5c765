"""How a file goes bad: cut, bits flipped, parts overwritten, left out, doubled or put in from elsewhere."""

from __future__ import annotations

from hypothesis import strategies as st

_LARGEST_PART = 64


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """The file after one to six things happened to it."""
    return st.lists(_happening(len(whole)), min_size=1, max_size=6).map(lambda list_: _applied(whole, list_))


_Happening = tuple[str, float, bytes, int]


def _happening(size: int) -> st.SearchStrategy[_Happening]:
    return st.tuples(
        st.sampled_from(("flip", "overwrite", "remove", "insert", "double", "cut", "extreme")),
        # where: anywhere, or near an end, where formats keep their headers and indexes
        st.one_of(st.floats(0, 1), st.floats(0, 64 / max(64, size)), st.floats(1 - 512 / max(512, size), 1)),
        st.binary(min_size=1, max_size=_LARGEST_PART),
        st.integers(1, 4096),
    )


def _applied(whole: bytes, happenings: list[_Happening]) -> bytes:
    content = bytearray(whole)
    for kind, share, part, length in happenings:
        at = min(int(share * len(content)), max(0, len(content) - 1))
        if kind == "flip" and content:
            content[at] ^= 1 << length % 8
        elif kind == "overwrite":
            content[at : at + len(part)] = part
        elif kind == "remove":
            del content[at : at + length]
        elif kind == "insert":
            content[at:at] = part
        elif kind == "double":
            content[at:at] = content[at : at + length]
        elif kind == "extreme":  # lengths and counts at their limits
            content[at : at + 4] = (b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xff\xff\xff\x7f", b"\0\0\0\0")[
                length % 4
            ]
        elif kind == "cut":
            del content[at:]
    return bytes(content)
