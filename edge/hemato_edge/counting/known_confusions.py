"""The classifier's known confusions: in-distribution, in left-out laboratories, and on this microscope."""

from __future__ import annotations

from dataclasses import dataclass

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Confusions:
    """The classifier's known confusions; all matrices count cells, rows truth, columns answer.

    Attributes:
        in_distribution: (K, K), held-out cells of the training laboratories, best guesses.
        left_out: (K, K + 1) of each laboratory that was left out of a training run, the last column "unclassified"; a
            row of zeros where it has no such cells.
        verified: (K, K + 1), reviewed cells of this microscope; empty until it is verified.
    """

    in_distribution: Matrix
    left_out: tuple[Matrix, ...] = ()
    verified: Matrix = ()
