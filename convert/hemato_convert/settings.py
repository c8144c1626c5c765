"""What a conversion may be told, once for the command line and for Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the command line reads the annotations

from hemato_edge.errors import ConfigurationError

REPRESENTATIVE = 400
"""Training crops that the activations' ranges are measured on."""
REPRESENTATIVE_LIMITS = (100, 500)
"""Fewer miss what a class does to the ranges; more cost time and, by `docs/results/training.md`, change nothing."""


@dataclass(frozen=True, slots=True)
class ConversionSettings:
    """How a classifier is converted.

    Attributes:
        min_agreement: least share of validation cells on which float and int8 must agree.
        representative: training crops that the ranges are measured on, 100 to 500.
        tail: percent of an activation's values that may lie beyond its limits; the architecture's own unless named.
        name: name of the model, for its card.
        embedding: a third output by which cells are compared, and home cells to compare with.
        attributes: one more output, the attributes in the table beside the training cells.
        doubt: with --embedding, how much less sure of cells far from home, 0 not at all.
        left_out: how the recipe did in laboratories that it was trained without (benchmarks/travel.py --out). They
            choose the rejection threshold together with the laboratories that are only judged on; without it home
            cells choose.

    Raises:
        ConfigurationError: if `representative` is out of range, or `doubt` is asked without `embedding`.
    """

    min_agreement: float = 0.98
    representative: int = REPRESENTATIVE
    tail: float | None = None
    name: str = "hemato-edge classifier"
    embedding: bool = False
    attributes: bool = False
    doubt: float = 0.0
    left_out: Path | None = None

    def __post_init__(self) -> None:
        low, high = REPRESENTATIVE_LIMITS
        if not low <= self.representative <= high:
            raise ConfigurationError(
                f"{self.representative} representative crops are out of range.",
                f"Choose --representative from {low} to {high}.",
            )
        if self.doubt and not self.embedding:
            raise ConfigurationError("Cells far from home are found by the embedding.", "Add --embedding.")
