"""Scores of numbers by hand, and against scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from row_by_row import bootstrap
from scipy import stats
from sklearn import metrics as oracle

from tfmed.errors import DataError
from tfmed.metrics import agreement
from tfmed.statistics import bootstrap_weighted


@pytest.fixture
def pairs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    truth = generator.uniform(2, 18, 150)
    predicted = 2 + 0.8 * truth + generator.normal(0, 1, 150)
    return truth, predicted, generator.integers(0, 4, 150)


def test_scores_of_three_pairs_by_hand() -> None:
    # Errors 1, 0, 2. Truth: mean 2, sum of squares about it 2; predictions 2, 2, 5: mean 3, sum
    # of squares 6; sum of products (-1)(-1) + 0 + (1)(2) = 3.
    found = agreement.compute(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0]))
    assert found == pytest.approx(
        {
            "mae": 1.0,
            "rmse": np.sqrt(5 / 3),
            "r2": 1 - 5 / 2,
            "concordance": 2 * 1 / (2 / 3 + 2 + 1),
            "slope": 1.5,
            "bias": 1.0,
            # The differences 1, 0, 2 have standard deviation 1.
            "limit_low": 1 - 1.96,
            "limit_high": 1 + 1.96,
        }
    )


def test_scores_are_those_of_scikit_learn_and_scipy(pairs) -> None:
    truth, predicted, weights = pairs
    found = agreement.compute(truth, predicted, weights=weights)
    several = np.repeat(truth, weights), np.repeat(predicted, weights)
    given = {"sample_weight": weights}
    covariance = np.cov(*several, bias=True)
    difference = several[1] - several[0]
    expected = {
        "mae": oracle.mean_absolute_error(truth, predicted, **given),
        "rmse": oracle.root_mean_squared_error(truth, predicted, **given),
        "r2": oracle.r2_score(truth, predicted, **given),
        "slope": stats.linregress(*several).slope,
        # Lin's other form: correlation times the bias correction factor.
        "concordance": _lin(*several),
        "bias": difference.mean(),
        "limit_low": difference.mean() - 1.96 * difference.std(ddof=1),
        "limit_high": difference.mean() + 1.96 * difference.std(ddof=1),
    }
    assert found == pytest.approx(expected, rel=1e-10)
    assert found["concordance"] < covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])


def _lin(truth: np.ndarray, predicted: np.ndarray) -> float:
    ratio = predicted.std() / truth.std()
    shift = (predicted.mean() - truth.mean()) / np.sqrt(predicted.std() * truth.std())
    return stats.pearsonr(truth, predicted).statistic * 2 / (ratio + 1 / ratio + shift**2)


def test_many_weights_at_once_give_what_each_gives_alone(pairs) -> None:
    truth, predicted, _ = pairs
    weights = np.random.default_rng(0).integers(0, 3, (5, len(truth)))
    together = agreement.compute(truth, predicted, weights=weights)
    for row in range(5):
        rows = np.repeat(np.arange(len(truth)), weights[row])
        alone = agreement.compute(truth[rows], predicted[rows])
        assert {name: value[row] for name, value in together.items()} == pytest.approx(alone)


def test_intervals_of_weights_are_those_of_rows_drawn_one_by_one(pairs) -> None:
    truth, predicted, _ = pairs
    patients = np.arange(len(truth)) // 2

    def rows(drawn: np.ndarray) -> dict[str, float]:
        return agreement.compute(truth[drawn], predicted[drawn])

    def weighted(weights: np.ndarray) -> dict[str, np.ndarray]:
        return agreement.compute(truth, predicted, weights=weights)

    slow, quick = bootstrap(rows, patients, 50), bootstrap_weighted(weighted, patients, 50)
    for name in agreement.METRICS:
        assert quick[name] == pytest.approx(slow[name]), name


def test_equal_numbers_agree_wholly() -> None:
    truth = np.array([1.0, 2.0, 4.0])
    found = agreement.compute(truth, truth)
    assert found["concordance"] == found["r2"] == found["slope"] == 1
    assert found["mae"] == found["limit_high"] == 0


def test_one_example_has_errors_but_no_spread() -> None:
    found = agreement.compute(np.array([3.0]), np.array([5.0]))
    undefined = {name for name, value in found.items() if np.isnan(value)}
    assert undefined == {"r2", "concordance", "slope", "limit_low", "limit_high"}
    assert found["mae"] == found["rmse"] == found["bias"] == 2


@pytest.mark.parametrize("size", [0.1, 1e6])
def test_truth_that_is_all_alike_explains_nothing(size: float) -> None:
    truth = np.full(7, size)
    for predicted in (truth, truth + np.arange(7)):
        found = agreement.compute(truth, predicted)
        assert np.isnan([found["r2"], found["concordance"], found["slope"]]).all()
        assert np.isfinite([found["mae"], found["limit_low"]]).all()


def test_a_resample_of_one_example_only_is_undefined(pairs) -> None:
    truth, predicted, _ = pairs
    weights = np.zeros((2, len(truth)))
    weights[0, 4] = len(truth)
    found = agreement.compute(truth, predicted, weights=weights)
    assert np.isnan(found["r2"]).all()
    assert np.isnan(found["mae"]).tolist() == [False, True]


def test_predictions_that_are_all_alike_agree_not_at_all() -> None:
    truth = np.array([1.0, 2.0, 3.0])
    found = agreement.compute(truth, np.full(3, 2.0))
    assert found["concordance"] == found["slope"] == found["r2"] == 0


def test_no_example_has_no_score() -> None:
    assert np.isnan(list(agreement.compute(np.empty(0), np.empty(0)).values())).all()


def test_a_small_spread_about_a_large_number_is_not_lost_in_rounding() -> None:
    truth = 1e7 + np.array([0.0, 1.0, 2.0])
    found = agreement.compute(truth, truth + np.array([0.0, 0.5, 0.0]))
    # Sum of squared errors 1/4, of truth about its mean 2.
    assert found["r2"] == pytest.approx(1 - 0.25 / 2)


def test_numbers_that_are_not_finite_or_do_not_pair_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 2 examples have no finite number"):
        agreement.compute(np.array([1.0, np.nan]), np.array([1.0, 2.0]))
    with pytest.raises(DataError, match="one number each"):
        agreement.compute(np.zeros(3), np.zeros((3, 1)))
