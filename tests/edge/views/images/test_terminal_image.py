"""A cell drawn with characters."""

from __future__ import annotations

from recorded import portrait

from hemato_edge.views.images.terminal_image import cell_preview


def test_a_preview_is_a_square_of_coloured_half_blocks() -> None:
    drawn = cell_preview(portrait().jpeg, columns=20)
    lines = drawn.plain.splitlines()
    assert [len(line) for line in lines] == [20] * 10
    colours = [str(span.style) for span in drawn.spans]
    assert colours[0] != colours[5 * 20 + 10]  # background at the corner, nucleus in the middle


def test_a_picture_that_cannot_be_read_draws_nothing() -> None:
    assert cell_preview(b"no picture").plain == ""
