from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("keras")

from hemato_training.networks.attribute_loss import AttributeLoss, weighted_targets


def test_rare_values_weigh_more_and_each_attribute_one_on_average() -> None:
    answers = np.array([[0, 1]] * 90 + [[1, 1]] * 10)
    targets = weighted_targets(answers, [2, 3])
    assert targets.shape == (100, 5)
    assert targets[:, :2].sum() == pytest.approx(100)
    assert targets[95, 1] == pytest.approx(3 * targets[0, 0])  # nine times rarer, to the power of a half
    assert targets[:, 3].tolist() == [1.0] * 100


def test_the_loss_is_the_mean_cross_entropy_of_the_attributes() -> None:
    truth = np.array([[1.0, 0.0, 0.0, 2.0, 0.0]], np.float32)
    logits = np.log(np.array([[0.5, 0.5, 0.2, 0.7, 0.1]], np.float32))
    expected = -(np.log(0.5) + 2 * np.log(0.7)) / 2
    assert float(np.asarray(AttributeLoss([2, 3])(truth, logits))) == pytest.approx(expected, abs=1e-5)


def test_a_checkpoint_keeps_the_loss() -> None:
    again = AttributeLoss.from_config(AttributeLoss([2, 3]).get_config())
    assert again.sizes == (2, 3)
