"""Parts of the shipped classifier that a bundle is missing are reported with the command that adds each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorflow")

from hemato_convert.lacking import lacking
from hemato_convert.on_device import write_card
from hemato_edge.models.bundle import read_bundle, shipped_classifier, shipped_locator
from hemato_edge.models.card import ClassifierCard


@pytest.mark.parametrize(
    ("changed", "commands"),
    [
        ({}, []),
        ({"caution": None}, ["Without caution", "hemato-edge train caution {}"]),
        ({"second_look_views": 1}, ["Without second look", "hemato-edge train second-look {}"]),
        ({"subtypes": ()}, ["Without level below the classes", "hemato-edge train subtypes --model {}"]),
    ],
)
def test_one_line_for_each_part_that_is_missing(changed: dict[str, Any], commands: list[str], tmp_path: Path) -> None:
    bundle, out = read_bundle(shipped_classifier()), tmp_path / "made.tflite"
    assert isinstance(bundle.card, ClassifierCard)
    write_card(out, bundle, bundle.card.model_copy(update=changed))
    lines = lacking(out)
    assert len(lines) == bool(commands)
    assert all(word.format(out) in lines[0] for word in commands)


def test_a_locator_lacks_nothing() -> None:
    assert lacking(shipped_locator()) == []
