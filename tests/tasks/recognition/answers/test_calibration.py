"""Temperature scaling against a known temperature and scikit-learn."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from tfmed.errors import DataError
from tfmed.tasks.recognition.answers.calibration import LEAST, MOST, fit_temperature, mean_nll


def calibrated(n: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is the truth's own distribution, and targets drawn from it."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1.5, (n, classes))
    drawn = [random.choice(classes, p=row) for row in softmax(logits, axis=1)]
    return logits, np.eye(classes)[drawn]


def warned(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(record.message for record in caplog.records)


@pytest.fixture(autouse=True)
def hear_warnings(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("tfmed").addHandler(caplog.handler)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_logits_scaled_by_a_factor_get_that_factor_as_temperature(factor: float) -> None:
    logits, targets = calibrated(4000, 3)
    assert fit_temperature(factor * logits, targets, False) == pytest.approx(factor, rel=0.06)


def test_scaling_logits_scales_the_temperature_exactly() -> None:
    logits, targets = calibrated(300, 2)
    once = fit_temperature(logits, targets, False)
    assert fit_temperature(3 * logits, targets, False) == pytest.approx(3 * once, rel=1e-3)


def test_multi_label_recovers_the_factor_and_ignores_unknown_labels() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 1.5, (3000, 4))
    targets = (random.random(logits.shape) < expit(logits)).astype(float)
    targets[random.random(logits.shape) < 0.3] = np.nan
    assert fit_temperature(3 * logits, targets, True) == pytest.approx(3.0, rel=0.06)


def test_temperature_equals_that_of_scikit_learn() -> None:
    logits, targets = calibrated(500, 3, seed=4)

    class Fixed(ClassifierMixin, BaseEstimator):
        """A classifier whose scores are its input."""

        def fit(self, x: np.ndarray, y: np.ndarray) -> Fixed:
            self.classes_ = np.unique(y)
            return self

        def decision_function(self, x: np.ndarray) -> np.ndarray:
            return x

        def predict(self, x: np.ndarray) -> np.ndarray:
            return self.classes_[x.argmax(axis=1)]

    labels = targets.argmax(axis=1)
    peer = CalibratedClassifierCV(
        FrozenEstimator(Fixed().fit(2 * logits, labels)), method="temperature"
    ).fit(2 * logits, labels)
    ours = softmax(2 * logits / fit_temperature(2 * logits, targets, False), axis=1)
    np.testing.assert_allclose(ours, peer.predict_proba(2 * logits), atol=1e-3)


def test_no_other_temperature_is_more_likely() -> None:
    logits, targets = calibrated(200, 4, seed=2)
    best = fit_temperature(2 * logits, targets, False)
    least = mean_nll(2 * logits / best, targets, False)
    for other in (0.5 * best, 0.9 * best, 1.1 * best, 2 * best):
        assert mean_nll(2 * logits / other, targets, False) > least


def test_nll_of_equal_logits_is_the_logarithm_of_the_classes() -> None:
    assert mean_nll(np.zeros((2, 4)), np.eye(4)[[0, 3]], False) == pytest.approx(np.log(4))
    assert mean_nll(np.zeros((1, 2)), np.array([[1.0, np.nan]]), True) == pytest.approx(np.log(2))


@pytest.mark.parametrize("multi_label", [False, True])
def test_without_rows_the_temperature_is_one(
    multi_label: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert fit_temperature(np.zeros((0, 2)), np.zeros((0, 2)), multi_label) == 1.0
    assert "fewer than two classes" in warned(caplog)


def test_with_one_class_the_temperature_is_one(caplog: pytest.LogCaptureFixture) -> None:
    logits = np.array([[1.0, 0.0], [3.0, -1.0]])
    assert fit_temperature(logits, np.array([[1.0, 0.0], [1.0, 0.0]]), False) == 1.0
    assert "fewer than two classes" in warned(caplog)


def test_perfect_separation_ends_at_platts_confidence(caplog: pytest.LogCaptureFixture) -> None:
    # Three of each class, margin 4: Platt's target is 4/5, so sigmoid(4 / T) = 4/5.
    logits = np.array([[2.0, -2.0]] * 3 + [[-2.0, 2.0]] * 3)
    targets = np.eye(2)[[0, 0, 0, 1, 1, 1]]
    expected = 4 / np.log(4)
    assert fit_temperature(logits, targets, False) == pytest.approx(expected, rel=1e-3)
    assert "no error" in warned(caplog)


def test_perfectly_separated_labels_end_at_platts_confidence() -> None:
    logits = np.array([[4.0], [4.0], [4.0], [-4.0], [-4.0], [-4.0]])
    targets = np.array([[1.0], [1.0], [1.0], [0.0], [0.0], [0.0]])
    assert fit_temperature(logits, targets, True) == pytest.approx(4 / np.log(4), rel=1e-3)


def test_useless_logits_end_at_the_bound(caplog: pytest.LogCaptureFixture) -> None:
    # Confidently wrong half of the time: the flatter the better.
    logits = np.array([[9.0, -9.0], [-9.0, 9.0]] * 4)
    targets = np.eye(2)[[0, 0] * 4]
    targets[0] = [0, 1]
    temperature = fit_temperature(logits, targets, False)
    assert LEAST <= temperature <= MOST
    assert temperature == pytest.approx(MOST, rel=2e-3)
    assert "outside" in warned(caplog)


def test_bad_input_is_named() -> None:
    with pytest.raises(DataError, match=r"\(3, 2\) and targets \(3, 3\)"):
        fit_temperature(np.zeros((3, 2)), np.zeros((3, 3)), False)
    with pytest.raises(DataError, match="not finite"):
        fit_temperature(np.array([[np.nan, 0.0]]), np.array([[1.0, 0.0]]), False)
