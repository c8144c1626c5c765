"""Selective classification: the error that remains at each share of cells answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hemato_training.metrics.calibration import MAX_ERROR, rejection_threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The risk-coverage curve of one set (R. El-Yaniv and Y. Wiener, J. Mach. Learn. Res. 11, 2010).

    Attributes:
        coverage: (n,) share answered, 1/n to 1, most confident cells first.
        risk: (n,) share of wrong answers among those; cells of equal confidence count with their mean.
        aurc: mean risk over all coverages (Y. Geifman and R. El-Yaniv, ICLR 2019); lower is better.
        excess_aurc: its excess over a perfect ordering of the same answers.
        threshold: the threshold with the best coverage at an error of at most `max_error`, chosen on these cells.
        threshold_coverage: share answered at it.
        threshold_error: share of wrong answers among those; 0 if none is answered.
        max_error: the error limit.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    aurc: float
    excess_aurc: float
    threshold: float
    threshold_coverage: float
    threshold_error: float
    max_error: float

    def as_json(self) -> dict[str, object]:
        """As plain JSON values, the curve at every whole percent of coverage."""
        percents = np.linspace(0.01, 1, 100)
        return {
            "aurc": self.aurc,
            "excess_aurc": self.excess_aurc,
            "max_error": self.max_error,
            "threshold": self.threshold,
            "coverage": self.threshold_coverage,
            "error": self.threshold_error,
            "curve": [
                [round(float(c), 2), float(r)]
                for c, r in zip(percents, np.interp(percents, self.coverage, self.risk), strict=True)
            ],
        }


def risk_coverage(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], max_error: float = MAX_ERROR
) -> RiskCoverage:
    """The curve of probabilities (n, labels) against the true classes (n,).

    Raises:
        ValueError: there is no cell.
    """
    if not len(labels):
        msg = "no cell to judge on"
        raise ValueError(msg)
    confidence = probabilities.max(axis=1)
    wrong = (probabilities.argmax(axis=1) != labels).astype(np.float64)
    order = np.argsort(-confidence, kind="stable")
    risk = _mean_risk(_levelled(wrong[order], confidence[order]))
    threshold = rejection_threshold(probabilities, labels, max_error)
    accepted = confidence >= threshold
    return RiskCoverage(
        coverage=np.arange(1, len(labels) + 1) / len(labels),
        risk=risk,
        aurc=float(risk.mean()),
        excess_aurc=float(risk.mean() - _mean_risk(np.sort(wrong)).mean()),
        threshold=threshold,
        threshold_coverage=float(accepted.mean()),
        threshold_error=float(wrong[accepted].mean()) if accepted.any() else 0.0,
        max_error=max_error,
    )


def _mean_risk(wrong: NDArray[np.float64]) -> NDArray[np.float64]:
    risk: NDArray[np.float64] = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    return risk


def _levelled(wrong: NDArray[np.float64], falling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Errors averaged over each run of equal confidences, so that their random order does not matter."""
    starts = np.append(True, np.diff(falling) < 0)
    run = np.cumsum(starts) - 1
    mean: NDArray[np.float64] = np.bincount(run, wrong) / np.bincount(run)
    levelled: NDArray[np.float64] = mean[run]
    return levelled
