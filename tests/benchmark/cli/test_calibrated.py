"""The temperature that makes probabilities fit, and the error that is left."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from benchmark.cli.calibrated import HOTTEST, calibration_error, fitted


def drawn(count: int, classes: int, heat: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores `heat` times too large for labels that are drawn from their probabilities."""
    generator = np.random.default_rng(9)
    scores = 2.0 * generator.normal(size=(count, classes))
    shares = softmax(scores, axis=1).cumsum(axis=1)
    labels = (generator.random(count)[:, None] > shares).sum(axis=1).clip(max=classes - 1)
    return heat * scores, labels


@pytest.mark.parametrize("heat", [0.5, 1.0, 3.0])
def test_the_temperature_is_that_of_too_large_scores(heat: float):
    scores, labels = drawn(4000, 6, heat)
    found = fitted(scores, labels)
    assert found.temperature == pytest.approx(heat, rel=0.06) and found.samples == 4000
    assert found.error_after < 0.03 and found.error_before >= found.error_after - 0.01
    assert (found.error_before > 0.1) == (heat != 1.0)
    assert f"divided by {found.temperature:.2f}" in found.in_words()


def test_the_calibration_error_by_hand():
    """Two samples at 0.9, one right; two at 0.6, both right: (|1.8 - 1| + |1.2 - 2|) / 4."""
    scores = np.log([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    assert calibration_error(scores, np.array([0, 1, 1, 1])) == pytest.approx((0.8 + 0.8) / 4)


def test_a_model_that_is_always_right_is_made_as_sure_as_may_be():
    found = fitted(np.eye(3)[[0, 1, 2]] * 2.0, np.array([0, 1, 2]))
    assert found.temperature == pytest.approx(1.0 / HOTTEST, rel=0.15)
