"""The classification task: targets, weights, probabilities, predictions."""

import numpy as np
import pandas as pd
import pytest
import scipy.special

from tfmed.data.dataset import Dataset
from tfmed.errors import ConfigError, DataError
from tfmed.tables import lookup
from tfmed.tasks import TASKS, Classification

NAN = float("nan")
BINARY = Classification(("normal", "nodule"))
LABELS = Classification(("mass", "edema", "hernia"), multi_label=True)


def dataset(task, labels, unknown=None, patients=None):
    count = len(labels)
    table = pd.DataFrame(
        {
            "id": [f"e{row}" for row in range(count)],
            "patient": patients or [f"p{row}" for row in range(count)],
            "split": "test",
            "label": labels,
            "unknown": unknown or [""] * count,
        }
    )
    return Dataset(table, task.classes, "made", task.multi_label)


def test_exclusive_targets_are_one_hot_and_unknown_is_nan():
    found = BINARY.targets(dataset(BINARY, ["nodule", None, "normal"]))
    np.testing.assert_array_equal(found, [[0, 1], [NAN, NAN], [1, 0]])
    assert found.dtype == np.float32


def test_multi_label_targets_tell_absent_from_unknown():
    data = dataset(LABELS, ["mass|hernia", "", None, "mass"], ["edema", "", "", ""])
    expected = [[1, NAN, 1], [0, 0, 0], [NAN, NAN, NAN], [1, 0, 0]]
    np.testing.assert_array_equal(LABELS.targets(data), expected)


def test_a_label_that_is_no_class_is_refused_with_the_nearest():
    with pytest.raises(DataError, match="'nodul' is not one of the classes; did you mean 'nodule'"):
        BINARY.targets(dataset(BINARY, ["nodul"]))


def test_class_weights_balance_classes_and_keep_the_mean_over_examples():
    targets = BINARY.targets(dataset(BINARY, ["normal"] * 3 + ["nodule"]))
    weights = BINARY.class_weights(targets)
    # N / (K n): 4 / (2 * 3) and 4 / (2 * 1), as scikit-learn's "balanced".
    np.testing.assert_allclose(weights, [2 / 3, 2])
    each = BINARY.example_weights(targets, weights)
    assert each.mean() == pytest.approx(1)
    np.testing.assert_allclose(each, [2 / 3, 2 / 3, 2 / 3, 2])


def test_a_class_without_examples_weighs_one():
    task = Classification(("a", "b", "c"))
    weights = task.class_weights(task.targets(dataset(task, ["a", "a", "b"])))
    np.testing.assert_allclose(weights, [3 / 4, 3 / 2, 1])


def test_label_weights_favour_rare_labels_and_have_mean_one():
    targets = np.array([[1, 1, NAN], [1, 0, 0], [1, 0, 1], [0, 0, 1]])
    weights = LABELS.class_weights(targets)
    np.testing.assert_allclose(weights, np.array([1 / 3, 1, 1 / 2]) * 3 / (11 / 6))


def test_an_example_without_a_known_label_weighs_nothing():
    targets = np.array([[1, NAN, 0], [NAN, NAN, NAN]])
    np.testing.assert_array_equal(LABELS.example_weights(targets), [1, 0])


def test_probabilities_are_those_of_scipy_and_temperature_divides_logits():
    logits = np.array([[800.0, -800.0], [1.0, 3.0]])
    np.testing.assert_allclose(
        BINARY.probabilities(logits, 2.0), scipy.special.softmax(logits / 2, axis=1)
    )
    two = Classification(("a", "b"), multi_label=True)
    np.testing.assert_allclose(two.probabilities(logits, 2.0), scipy.special.expit(logits / 2))


def test_the_loss_follows_its_name_and_options():
    targets, logits = np.float32([[0, 1]]), np.float32([[0, 0]])
    assert BINARY.loss(targets, logits).numpy() == pytest.approx([np.log(2)])
    focal = Classification(BINARY.classes, loss_name="focal")
    assert focal.loss(targets, logits).numpy() == pytest.approx([np.log(2) / 4])


def test_watched_values_leave_unknown_examples_out():
    targets = np.float32([[1, 0], [0, 1], [NAN, NAN]])
    found = BINARY.watch(targets, np.float32([[2, 0], [0, 2], [9, 0]]))
    assert found["auroc"] == 1
    assert found["accuracy_at_half"] == 1
    assert found["loss"] == pytest.approx(np.log1p(np.exp(-2)), rel=1e-5)


def test_watching_nothing_known_is_undefined():
    assert all(np.isnan(list(BINARY.watch(np.full((2, 2), NAN), np.zeros((2, 2))).values())))


def test_thresholds_are_one_for_two_classes_none_for_three_and_one_a_label():
    truth, probabilities = np.eye(2), np.array([[0.8, 0.2], [0.3, 0.7]])
    assert BINARY.choose_threshold(truth, probabilities) == pytest.approx(0.45)
    three = Classification(("a", "b", "c"))
    assert three.choose_threshold(np.eye(3), np.eye(3)) is None
    two = Classification(("a", "b"), multi_label=True)
    assert two.choose_threshold(truth, probabilities) == pytest.approx([0.55, 0.45])


def test_predictions_follow_the_threshold_and_keep_class_order():
    data = dataset(BINARY, ["normal", None, "nodule"])
    table = BINARY.predictions(data, np.array([[0.7, 0.3], [0.8, 0.2], [0.1, 0.9]]), 0.25)
    assert list(table) == ["id", "patient", "split", "truth", "prediction", "p_normal", "p_nodule"]
    assert table["prediction"].tolist() == ["nodule", "normal", "nodule"]
    assert table["truth"].isna().tolist() == [False, True, False]


def test_multi_label_predictions_are_joined_and_tell_what_is_unknown():
    data = dataset(LABELS, ["mass", None], ["edema", ""])
    table = LABELS.predictions(data, np.array([[0.9, 0.2, 0.6], [0.1, 0.1, 0.1]]), None)
    assert table["prediction"].tolist() == ["mass|hernia", ""]
    assert table["unknown"].tolist() == ["edema", "mass|edema|hernia"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"classes": ("a",)}, "at least 2"),
        ({"classes": ("a", "a")}, "all unlike"),
        ({"loss_name": "focl"}, "did you mean 'focal'"),
        ({"label_smoothing": 1.0}, "0 up to 1"),
        ({"label_weights": (1.0,)}, "1 label weights for 2 classes"),
    ],
)
def test_wrong_settings_are_refused(options, text):
    with pytest.raises(ConfigError, match=text):
        Classification(**{"classes": ("a", "b"), **options})


def test_the_table_of_tasks_resolves():
    assert lookup(TASKS, "classification", "task") is Classification
