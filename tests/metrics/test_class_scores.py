"""Metrics against scikit-learn and hand calculation."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from tfmed import metrics
from tfmed.errors import DataError

NAN = float("nan")


@pytest.fixture
def binary():
    generator = np.random.default_rng(3)
    truth = generator.integers(2, size=200)
    # Rounded, so that there are ties.
    positive = np.round(np.clip(0.3 * truth + 0.7 * generator.random(200), 0, 1), 2)
    return truth, positive, generator.integers(0, 4, size=200)


@pytest.fixture
def several():
    generator = np.random.default_rng(4)
    truth = generator.integers(4, size=150)
    logits = np.round(generator.normal(size=(150, 4)) + np.eye(4)[truth], 1)
    powers = np.exp(logits)
    return truth, powers / powers.sum(axis=1, keepdims=True)


def test_binary_metrics_are_those_of_scikit_learn(binary):
    truth, positive, weights = binary
    called = positive >= 0.4
    expected = {
        "accuracy": oracle.accuracy_score(truth, called, sample_weight=weights),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, called, sample_weight=weights),
        "recall": oracle.recall_score(truth, called, sample_weight=weights),
        "precision": oracle.precision_score(truth, called, sample_weight=weights),
        "f1": oracle.f1_score(truth, called, sample_weight=weights),
        "auroc": oracle.roc_auc_score(truth, positive, sample_weight=weights),
        "average_precision": oracle.average_precision_score(truth, positive, sample_weight=weights),
        "brier": oracle.brier_score_loss(truth, positive, sample_weight=weights),
        "accuracy_at_half": oracle.accuracy_score(truth, positive >= 0.5, sample_weight=weights),
    }
    found = metrics.compute(truth, positive, expected, threshold=0.4, weights=weights)
    assert found == pytest.approx(expected, abs=1e-12)


def test_multi_class_metrics_are_those_of_scikit_learn(several):
    truth, probabilities = several
    called = probabilities.argmax(axis=1)
    expected = {
        "accuracy": oracle.accuracy_score(truth, called),
        "balanced_accuracy": oracle.balanced_accuracy_score(truth, called),
        "recall": oracle.recall_score(truth, called, average="macro"),
        "precision": oracle.precision_score(truth, called, average="macro"),
        "f1": oracle.f1_score(truth, called, average="macro"),
        "auroc": oracle.roc_auc_score(truth, probabilities, multi_class="ovr"),
        "average_precision": oracle.average_precision_score(np.eye(4)[truth], probabilities),
        "brier": oracle.brier_score_loss(
            truth, probabilities, labels=range(4), scale_by_half=False
        ),
        "accuracy_at_half": oracle.accuracy_score(truth, called),
    }
    assert metrics.compute(truth, probabilities, expected) == pytest.approx(expected, abs=1e-12)


def test_multi_label_metrics_are_means_over_labels_of_which_both_values_are_known():
    generator = np.random.default_rng(5)
    truth = generator.integers(2, size=(120, 4)).astype(float)
    truth[generator.random(truth.shape) < 0.3] = NAN
    truth[:, 3] = np.where(np.isnan(truth[:, 3]), NAN, 0.0)
    probabilities = generator.random((120, 4))
    levels = [0.3, 0.5, 0.7, 0.5]
    areas, recalls, rates = [], [], []
    for k in range(3):
        known = ~np.isnan(truth[:, k])
        called = probabilities[known, k] >= levels[k]
        areas.append(oracle.roc_auc_score(truth[known, k], probabilities[known, k]))
        recalls.append(oracle.recall_score(truth[known, k], called))
        rates.append(oracle.accuracy_score(truth[known, k], called))
    options = {"multi_label": True, "threshold": levels}
    assert metrics.auroc(truth, probabilities, **options) == pytest.approx(np.mean(areas))
    assert metrics.recall(truth, probabilities, **options) == pytest.approx(np.mean(recalls))
    assert metrics.accuracy(truth, probabilities, **options) == pytest.approx(np.mean(rates))


def test_each_class_against_the_rest_is_that_of_scikit_learn(several):
    truth, probabilities = several
    called = probabilities.argmax(axis=1)
    _, classes = metrics.compute_with_classes(truth, probabilities)
    assert len(classes) == 4
    for k, found in enumerate(classes):
        own, score = truth == k, probabilities[:, k]
        expected = {
            "recall": oracle.recall_score(own, called == k),
            "precision": oracle.precision_score(own, called == k),
            "f1": oracle.f1_score(own, called == k),
            "auroc": oracle.roc_auc_score(own, score),
            "average_precision": oracle.average_precision_score(own, score),
            "brier": oracle.brier_score_loss(own, score),
        }
        assert found == pytest.approx(expected, abs=1e-12)


def test_many_weights_at_once_give_what_each_gives_alone(several):
    truth, probabilities = several
    weights = np.random.default_rng(0).integers(0, 3, size=(5, len(truth)))
    together = metrics.compute(truth, probabilities, weights=weights)
    for row in range(5):
        rows = np.repeat(np.arange(len(truth)), weights[row])
        alone = metrics.compute(truth[rows], probabilities[rows])
        assert {name: value[row] for name, value in together.items()} == pytest.approx(alone)


def test_calibration_error_by_hand():
    # Bin (0.8, 0.8667]: mean probability 0.85, one of two positive: gap 0.35, half the examples.
    # Bin (0.0667, 0.1333]: mean 0.1, none positive: gap 0.1, half the examples.
    truth, positive = np.array([1, 0, 0, 0]), np.array([0.84, 0.86, 0.1, 0.1])
    assert metrics.ece(truth, positive) == pytest.approx(0.35 / 2 + 0.1 / 2)


def test_calibration_error_of_several_classes_is_of_the_largest_probability():
    probabilities = np.array([[0.9, 0.05, 0.05], [0.9, 0.05, 0.05]])
    # Confidence 0.9, one of two right.
    assert metrics.ece(np.array([0, 1]), probabilities) == pytest.approx(0.4)


def test_brier_of_several_classes_sums_over_classes_by_hand():
    found = metrics.brier(np.array([0]), np.array([[0.5, 0.3, 0.2]]))
    assert found == pytest.approx(0.25 + 0.09 + 0.04)


def test_perfect_and_inverted_scores_have_areas_one_and_zero():
    truth = np.array([0, 0, 1, 1])
    assert metrics.auroc(truth, np.array([0.1, 0.2, 0.8, 0.9])) == 1
    assert metrics.auroc(truth, np.array([0.9, 0.8, 0.2, 0.1])) == 0
    assert metrics.auroc(truth, np.full(4, 0.5)) == 0.5


@pytest.mark.parametrize("value", [0, 1])
def test_scores_that_need_both_classes_are_undefined_with_one(value):
    truth, positive = np.full(5, value), np.linspace(0.1, 0.9, 5)
    assert np.isnan(metrics.auroc(truth, positive))
    assert np.isnan(metrics.balanced_accuracy(truth, positive))
    assert not np.isnan(metrics.accuracy(truth, positive))


def test_scores_of_positives_are_undefined_without_a_positive():
    names = ("recall", "precision", "f1", "average_precision")
    found = metrics.compute(np.zeros(4, int), np.array([0.1, 0.6, 0.7, 0.2]), names)
    assert np.isnan(list(found.values())).all()


def test_precision_is_zero_where_positives_exist_and_none_is_called():
    assert metrics.precision(np.array([0, 1]), np.array([0.1, 0.2])) == 0


def test_a_class_without_examples_makes_the_macro_mean_undefined(several):
    truth, probabilities = several
    rows = truth != 2
    assert np.isnan(metrics.auroc(truth[rows], probabilities[rows]))
    assert not np.isnan(metrics.accuracy(truth[rows], probabilities[rows]))


def test_no_label_known_both_ways_is_undefined():
    truth = np.array([[1, NAN], [1, 0]])
    assert np.isnan(metrics.auroc(truth, np.full((2, 2), 0.5), multi_label=True))


def test_two_classes_are_called_at_the_threshold_and_above():
    called = metrics.call(np.array([[0.6, 0.4], [0.61, 0.39]]), 0.4)
    np.testing.assert_array_equal(called, [[False, True], [True, False]])


def test_three_classes_are_called_by_the_largest_probability_whatever_the_threshold():
    called = metrics.call(np.array([[0.2, 0.5, 0.3]]), 0.9)
    np.testing.assert_array_equal(called, [[False, True, False]])


def test_given_calls_stand_in_place_of_the_threshold():
    called = np.array([[True, False], [False, True]])
    found = metrics.accuracy(np.array([0, 1]), np.array([0.9, 0.1]), called=called)
    assert found == 1


def test_shapes_that_do_not_agree_are_refused():
    with pytest.raises(DataError, match="one probability for each class"):
        metrics.auroc(np.zeros((3, 2)), np.zeros((3, 4)))


def test_every_name_of_the_table_is_computed(binary):
    truth, positive, _ = binary
    assert list(metrics.compute(truth, positive)) == list(metrics.METRICS)
