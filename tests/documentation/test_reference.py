"""The pages that are made from the code are as the code is now."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from reference import PAGE_MAKERS, PAGES


@pytest.mark.parametrize(("file", "make"), PAGE_MAKERS.items(), ids=PAGE_MAKERS)
def test_a_generated_page_is_current(file: str, make: Callable[[], str]) -> None:
    assert (PAGES / file).read_text(encoding="utf-8") == make(), "make reference"
