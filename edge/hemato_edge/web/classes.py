"""The classes' colours as a style sheet, for light and dark ground."""

from __future__ import annotations

from hemato_edge.labels import BY_NAME


def class_sheet() -> str:
    """`.c-LABEL { --cell: … }` for every class, and its twin on dark ground."""
    light = [f".c-{one.name} {{ --cell: {one.colour}; }}" for one in BY_NAME.values()]
    dark = [
        f'[data-bs-theme="dark"] .c-{one.name} {{ --cell: {one.colour_on_dark}; }}'
        for one in BY_NAME.values()
        if one.colour_on_dark != one.colour
    ]
    return "\n".join([*light, *dark, ""])
