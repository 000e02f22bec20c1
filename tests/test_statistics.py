"""Intervals against SciPy and simulation."""

import numpy as np
import pytest
import scipy.stats
from row_by_row import bootstrap

from tfmed import metrics
from tfmed.statistics import bootstrap_weighted, interval, wilson


def test_independent_patients_give_the_interval_of_scipy():
    values = np.random.default_rng(0).exponential(size=80)
    patients = np.array([f"patient {row}" for row in range(80)])
    found = bootstrap(lambda rows: {"mean": values[rows].mean()}, patients, 4000, seed=1)["mean"]
    expected = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=2
    ).confidence_interval
    # The Monte-Carlo error of a 2.5 % quantile of 4,000 is about 4 % of the standard error.
    margin = 0.25 * values.std() / np.sqrt(80)
    assert found == pytest.approx((expected.low, expected.high), abs=margin)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(7)
    patients, hits = np.arange(60), 0
    for trial in range(150):
        values = generator.normal(size=60)
        low, high = bootstrap_weighted(
            lambda weights, values=values: {"mean": weights @ values / 60}, patients, 400, trial
        )["mean"]
        hits += low <= 0 <= high
    # Binomial(150, 0.95) has a standard deviation of 1.8 %.
    assert 0.88 <= hits / 150 <= 0.99


def test_examples_of_one_patient_widen_the_interval():
    values = np.repeat(np.random.default_rng(1).normal(size=30), 10)
    as_patients = np.repeat(np.arange(30), 10)

    def width(patients):
        low, high = bootstrap(lambda rows: {"mean": values[rows].mean()}, patients, 500)["mean"]
        return high - low

    # Ten equal copies carry the information of one: wider by the square root of ten.
    ratio = width(as_patients) / width(np.arange(300))
    assert ratio == pytest.approx(np.sqrt(10), rel=0.2)


def test_rows_and_weights_give_the_same_interval():
    generator = np.random.default_rng(2)
    truth, scores = generator.integers(2, size=90), generator.random(90)
    patients = np.array([f"p{row // 3}" for row in range(90)])
    by_rows = bootstrap(
        lambda rows: {"auroc": metrics.auroc(truth[rows], scores[rows])}, patients, 200, seed=3
    )
    by_weights = bootstrap_weighted(
        lambda weights: metrics.compute(truth, scores, ("auroc",), weights=weights),
        patients,
        200,
        seed=3,
    )
    assert by_rows["auroc"] == pytest.approx(by_weights["auroc"], abs=1e-12)


def test_equal_seeds_give_equal_intervals_and_others_do_not():
    values = np.random.default_rng(0).normal(size=50)

    def once(seed):
        return bootstrap(lambda rows: {"mean": values[rows].mean()}, np.arange(50), 100, seed)

    assert once(1) == once(1)
    assert once(1) != once(2)


def test_resamples_where_a_number_is_undefined_are_left_out_up_to_half():
    assert interval(np.array([1.0, 1.0, np.nan, 1.0])) == (1, 1)
    assert np.isnan(interval(np.array([1.0, np.nan, np.nan]))).all()
    assert np.isnan(interval(np.array([]))).all()


def test_a_class_of_one_patient_leaves_most_but_not_all_resamples_defined():
    truth = np.array([1] + [0] * 9)
    scores = np.linspace(0.9, 0.1, 10)
    low, high = bootstrap(
        lambda rows: {"auroc": metrics.auroc(truth[rows], scores[rows])}, np.arange(10), 300
    )["auroc"]
    assert (low, high) == (1, 1)


def test_no_patients_and_no_resamples_give_no_interval():
    assert bootstrap(lambda rows: {"mean": 0.0}, np.array([]), 10) == {}
    assert bootstrap(lambda rows: {"mean": 0.0}, np.arange(3), 0) == {}


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (8, 10), (10, 10), (1, 1), (500, 624)])
def test_wilson_is_that_of_scipy(successes, trials):
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson(successes, trials) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_without_trials_is_undefined_and_of_impossible_counts_refused():
    assert np.isnan(wilson(0, 0)).all()
    with pytest.raises(ValueError, match="0 to 3"):
        wilson(4, 3)
