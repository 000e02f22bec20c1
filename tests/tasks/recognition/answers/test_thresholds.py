"""The operating point by hand and against scikit-learn's ROC curve."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from tfmed.tasks.recognition.answers.thresholds import mean, youden


def test_the_threshold_is_in_the_middle_of_the_gap():
    assert youden(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]), "x") == pytest.approx(0.4)


def test_youden_j_is_the_largest_of_the_roc_curve():
    generator = np.random.default_rng(0)
    truth = generator.integers(2, size=300)
    scores = np.round(0.2 * truth + generator.random(300), 2)
    threshold = youden(truth, scores, "x")
    called = scores >= threshold
    found = called[truth == 1].mean() - called[truth == 0].mean()
    false_rate, true_rate, _ = roc_curve(truth, scores)
    assert found == pytest.approx((true_rate - false_rate).max())


def test_of_equal_cuts_the_widest_gap_is_taken():
    # Cuts after 0.1 and after 0.3 both have J = 1/2.
    truth, scores = np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.9])
    assert youden(truth, scores, "x") == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("given", "found"),
    [([0.2, 0.6], 0.4), ([[0.2, 0.4], [0.4, 0.8]], [0.3, 0.6]), ([None, None], None)],
)
def test_members_together_call_at_their_mean(given, found):
    assert mean(given) == (None if found is None else pytest.approx(found))


def test_neighbouring_floats_are_still_told_apart():
    low = 0.3
    high = np.nextafter(low, 1)
    threshold = youden(np.array([0, 1]), np.array([low, high]), "x")
    assert low < threshold <= high


def test_unknown_truth_is_left_out():
    truth = np.array([0, np.nan, 1])
    assert youden(truth, np.array([0.2, 0.9, 0.4]), "x") == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("truth", "text"), [([0, 0], "no example of 'nodule'"), ([1, 1], "no example without 'nodule'")]
)
def test_one_class_alone_stays_at_one_half_with_a_warning(truth, text, monkeypatch):
    said = []
    monkeypatch.setattr("tfmed.tasks.recognition.answers.thresholds.log.warning", said.append)
    assert youden(np.array(truth), np.array([0.2, 0.4]), "'nodule'") == 0.5
    assert text in said[0]


@pytest.mark.parametrize("scores", [[0.9, 0.1], [0.3, 0.3]])
def test_scores_no_better_than_chance_stay_at_one_half_with_a_warning(scores, monkeypatch):
    said = []
    monkeypatch.setattr("tfmed.tasks.recognition.answers.thresholds.log.warning", said.append)
    assert youden(np.array([0, 1]), np.array(scores), "x") == 0.5
    assert "better than chance" in said[0]
