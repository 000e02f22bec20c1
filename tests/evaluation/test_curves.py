"""Curves against scikit-learn and hand calculation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from tfmed.evaluation import curves


def cases(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = (random.random(n) < 0.4).astype(float)
    score = np.round(np.clip(0.4 * truth + random.random(n) * 0.6, 0, 1), 2)
    return truth, score, np.array([f"p{i // 4}" for i in range(n)])


def test_the_area_under_the_roc_curve_is_that_of_scikit_learn() -> None:
    truth, score, patients = cases()
    curve = curves.roc(truth, score, patients, resamples=20)
    assert curve is not None
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(roc_auc_score(truth, score))
    assert curve.base == truth.mean()


def test_the_band_holds_the_curve_and_narrows_with_more_patients() -> None:
    widths = []
    for n in (100, 1600):
        truth, score, patients = cases(n)
        curve = curves.roc(truth, score, patients, resamples=200)
        assert curve is not None
        fall_out, recall, _ = roc_curve(truth, score)
        middle = np.interp(curve.grid[1:-1], fall_out, recall)
        inside = (curve.low[1:-1] <= middle + 0.02) & (middle - 0.02 <= curve.high[1:-1])
        assert inside.mean() > 0.95
        widths.append(float((curve.high - curve.low).mean()))
    assert widths[1] < 0.5 * widths[0]


def test_resampling_patients_widens_the_band_over_resampling_rows() -> None:
    # Ten copies of 30 examples: their own patients each, or thirty patients.
    truth, score, _ = cases(30)
    truth, score = np.repeat(truth, 10), np.repeat(score, 10)
    own, shared = np.arange(300).astype(str), np.repeat(np.arange(30), 10).astype(str)
    narrow, wide = (curves.roc(truth, score, p, resamples=200) for p in (own, shared))
    assert narrow is not None and wide is not None
    assert (wide.high - wide.low).mean() > 2 * (narrow.high - narrow.low).mean()


def test_precision_recall_of_a_worked_example() -> None:
    # Scores fall: 1 0 1 1 0. Precision at each recall step: 1/1, 2/3, 3/4.
    truth, score = np.array([1, 0, 1, 1, 0.0]), np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    curve = curves.precision_recall(truth, score, list("abcde"), resamples=20)
    assert curve is not None
    points = {round(float(x), 3): float(y) for x, y in zip(curve.x, curve.y, strict=True)}
    assert curve.x[0] == 0 and curve.y[0] == 1
    assert points[0.667] == pytest.approx(2 / 3)
    assert curve.y[curve.x == 1].max() == pytest.approx(0.75)
    assert curve.base == pytest.approx(0.6)


def test_a_perfect_classifier_has_a_band_of_no_width() -> None:
    truth = np.array([0.0, 0, 0, 1, 1, 1])
    roc = curves.roc(truth, truth, list("abcdef"), resamples=50)
    pr = curves.precision_recall(truth, truth, list("abcdef"), resamples=50)
    assert roc is not None and pr is not None
    np.testing.assert_allclose(roc.low, 1.0)
    np.testing.assert_allclose(pr.low, 1.0)


@pytest.mark.parametrize("make", [curves.roc, curves.precision_recall])
def test_one_class_or_no_rows_have_no_curve(make) -> None:
    assert make(np.ones(3), np.array([0.1, 0.2, 0.3]), list("abc")) is None
    assert make(np.zeros(0), np.zeros(0), []) is None
    assert make(np.array([1.0, np.nan]), np.array([0.1, 0.2]), list("ab")) is None


def test_unknown_truth_is_left_out() -> None:
    truth, score, patients = cases()
    with_unknown = np.append(truth, [np.nan, np.nan])
    curve = curves.roc(with_unknown, np.append(score, [0.9, 0.1]), np.append(patients, ["x", "y"]))
    assert curve is not None
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(roc_auc_score(truth, score))


def test_one_patient_has_a_curve_and_no_band() -> None:
    # Every draw is the same one patient: the band closes on the curve.
    curve = curves.roc(np.array([0.0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]), ["a"] * 4)
    assert curve is not None
    np.testing.assert_allclose(curve.low, curve.high)


def test_reliability_counts_by_hand() -> None:
    table = curves.reliability(
        np.array([0, 1, 1, 1, np.nan]), np.array([0.05, 0.05, 0.95, 1.0, 0.5]), bins=10
    )
    assert table["count"].tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert table["share"].iloc[0] == 0.5 and table["share"].iloc[9] == 1.0
    assert table["score"].iloc[9] == pytest.approx(0.975)
    assert table.loc[1:8, ["score", "share", "share_low", "share_high"]].isna().all(axis=None)
    # Wilson for 1 of 2: 0.0945 to 0.9055.
    assert table["share_low"].iloc[0] == pytest.approx(0.0945, abs=1e-4)
    assert table["share_high"].iloc[0] == pytest.approx(0.9055, abs=1e-4)


def test_confusion_has_truth_in_rows() -> None:
    matrix = curves.confusion(["a", "a", "b"], ["a", "b", "b"], ["a", "b", "c"])
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert curves.confusion([], [], ["a", "b"]).tolist() == [[0, 0], [0, 0]]
