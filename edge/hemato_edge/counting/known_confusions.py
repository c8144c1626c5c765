"""What is known of how the classifier errs: at home, in laboratories that were left out, and on this microscope."""

from __future__ import annotations

from dataclasses import dataclass

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Confusions:
    """What is known of how the classifier errs; all matrices count cells, rows truth, columns answer.

    Attributes:
        home: (K, K), held-out cells of the laboratories that the model learnt from, best guesses.
        abroad: one (K, K + 1) a laboratory that the recipe was trained without, the last column "unclassified"; a row
            of zeros where it has no such cells.
        here: (K, K + 1) of this very microscope, reviewed cells; empty where it is not verified.
    """

    home: Matrix
    abroad: tuple[Matrix, ...] = ()
    here: Matrix = ()
