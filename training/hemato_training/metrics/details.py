"""Everything reported for one set of cells besides `classification.Figures`: intervals, calibration, risk-coverage."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hemato_edge.labels import CLASSIFIER_LABELS
from hemato_training.metrics.calibration import (
    Bin,
    calibration_error_by_chance,
    classwise_calibration_error,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
)
from hemato_training.metrics.intervals import Intervals, intervals_of
from hemato_training.metrics.risk_coverage import RiskCoverage, risk_coverage

if TYPE_CHECKING:
    from hemato_training.metrics.answers import Answers


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Calibration of the confidences at one temperature.

    Attributes:
        temperature: divides the logits.
        nll: mean negative log likelihood.
        ece: expected calibration error, 15 bins.
        by_chance: error of a perfectly calibrated model on as many cells: mean, and 95th percentile.
        classwise: label → calibration error of that class's probability.
        bins: the reliability diagram.
    """

    temperature: float
    nll: float
    ece: float
    by_chance: tuple[float, float]
    classwise: dict[str, float]
    bins: list[Bin]


@dataclass(frozen=True, slots=True)
class Details:
    """One set of cells.

    Attributes:
        groups: number of independent groups.
        intervals: of all figures.
        before: calibration at temperature 1.
        after: at the model's own temperature.
        fitted: at the temperature fitted on these same cells; optimistic, see `crossfit`.
        selective: risk and coverage at the model's own temperature; its threshold is chosen on these same cells.
    """

    groups: int
    intervals: Intervals
    before: Calibrated
    after: Calibrated
    fitted: Calibrated
    selective: RiskCoverage

    def as_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return {
            "groups": self.groups,
            "intervals": self.intervals.as_json(),
            "calibration": {"before": asdict(self.before), "after": asdict(self.after), "fitted": asdict(self.fitted)},
            "risk_coverage": self.selective.as_json(),
        }


def details_of(answers: Answers, temperature: float = 1.0) -> Details:
    """The details of a set.

    Args:
        answers: at least one.
        temperature: the model's own.
    """
    return Details(
        groups=len(set(answers.groups.tolist())),
        intervals=intervals_of(answers, temperature),
        before=calibrated_at(answers, 1.0),
        after=calibrated_at(answers, temperature),
        fitted=calibrated_at(answers, fit_temperature(answers.logits, answers.labels)),
        selective=risk_coverage(answers.probabilities(temperature), answers.labels),
    )


def calibrated_at(answers: Answers, temperature: float) -> Calibrated:
    """The calibration at one temperature."""
    probabilities = answers.probabilities(temperature)
    classwise = classwise_calibration_error(probabilities, answers.labels)
    return Calibrated(
        temperature,
        negative_log_likelihood(answers.logits, answers.labels, temperature),
        expected_calibration_error(probabilities, answers.labels),
        calibration_error_by_chance(probabilities),
        {label: float(error) for label, error in zip(CLASSIFIER_LABELS, classwise, strict=True)},
        reliability(probabilities, answers.labels),
    )
