from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from hemato_edge.errors import DataError
from hemato_training.data.attributes import read_attributes
from hemato_training.metrics.attributes import attribute_figures

if TYPE_CHECKING:
    from pathlib import Path


def test_a_table_of_attributes(tmp_path: Path) -> None:
    assert read_attributes(tmp_path) is None
    (tmp_path / "attributes.csv").write_text("image,split,shape,granules\na.jpg,train,round,yes\nb.jpg,val,band,no\n")
    table = read_attributes(tmp_path)
    assert table is not None
    assert table.values == {"shape": ("band", "round"), "granules": ("no", "yes")}
    assert table.splits == {"a.jpg": "train", "b.jpg": "val"}
    known, answers = table.of(["c.jpg", "b.jpg", "a.jpg"])
    assert known.tolist() == [False, True, True]
    assert answers.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("text", ["image,split\na.jpg,train\n", "image,split,shape\na.jpg,train,round\n", "shape\nx\n"])
def test_what_is_no_table_of_attributes(text: str, tmp_path: Path) -> None:
    (tmp_path / "attributes.csv").write_text(text)
    with pytest.raises(DataError, match="Get the data set again"):
        read_attributes(tmp_path)


def test_macro_f1_counts_a_rare_value_as_much() -> None:
    values = {"shape": ("band", "round"), "granules": ("no", "yes")}
    logits = np.array([[0, 1, 1, 0]] * 4, np.float32)  # always round, never granules
    answers = np.array([[1, 0], [1, 0], [1, 0], [0, 1]])
    figures = attribute_figures(logits, answers, values)
    assert (figures["shape"].accuracy, figures["granules"].accuracy) == (0.75, 0.75)
    assert figures["shape"].macro_f1 == pytest.approx((6 / 7) / 2)
    with pytest.raises(ValueError, match="no cell"):
        attribute_figures(logits[:0], answers[:0], values)
