"""Settings of a conversion, defined once for the command line and for Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the command line reads the annotations

from hemato_edge.errors import ConfigurationError
from hemato_edge.models.second_look import VIEWS

REPRESENTATIVE = 400
"""Training crops for measuring activation ranges."""
REPRESENTATIVE_LIMITS = (100, 500)
"""Fewer miss a class's effect on the ranges; more take time and, by `docs/results/training.md`, change nothing."""


@dataclass(frozen=True, slots=True)
class ConversionSettings:
    """Settings for converting a classifier.

    Attributes:
        min_agreement: minimum share of validation cells on which float and int8 must agree.
        representative: training crops for measuring activation ranges, 100 to 500.
        tail: percent of an activation's values that may lie beyond its limits; default: the architecture's own.
        name: name of the model, for its card.
        embedding: add an output for comparing cells, and in-distribution cells to compare with.
        attributes: add an output for the attributes in the table beside the training cells.
        doubt: with --embedding, reduces the confidence of out-of-distribution cells; 0 not at all.
        left_out: file of answers for left-out laboratories (benchmarks/travel.py --out). They choose the
            rejection threshold together with the evaluation-only laboratories; without it in-distribution cells choose.
        second_look_views: views of its crop by which a cell below the threshold is classified again: 1, 2, 4 or 8.
        same_names: bundle that the run came from, only its attributes learnt anew: all else that it answers is kept bit
            for bit, with its temperature, threshold, second look and figures in left-out laboratories.

    Raises:
        ConfigurationError: `representative` or `second_look_views` is out of range, `doubt` is set without
            `embedding`, or `left_out` and `same_names` are both set.
    """

    min_agreement: float = 0.98
    representative: int = REPRESENTATIVE
    tail: float | None = None
    name: str = "hemato-edge classifier"
    embedding: bool = False
    attributes: bool = False
    doubt: float = 0.0
    left_out: Path | None = None
    second_look_views: int = 4
    same_names: Path | None = None

    def __post_init__(self) -> None:
        low, high = REPRESENTATIVE_LIMITS
        if not low <= self.representative <= high:
            raise ConfigurationError(
                f"{self.representative} representative crops are out of range.",
                f"Choose --representative from {low} to {high}.",
            )
        if self.second_look_views not in VIEWS:
            choice = ", ".join(map(str, VIEWS))
            raise ConfigurationError(f"{self.second_look_views} views are not possible.", f"Choose one of {choice}.")
        if self.left_out is not None and self.same_names is not None:
            raise ConfigurationError("--left-out and --same-names both give the threshold.", "Leave one out.")
        if self.doubt and not self.embedding:
            raise ConfigurationError("Out-of-distribution cells are found by the embedding.", "Add --embedding.")
