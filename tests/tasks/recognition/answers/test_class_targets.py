"""Targets and weights of classes, by hand."""

import numpy as np
import pandas as pd
import pytest

from tfmed.errors import DataError
from tfmed.tasks.recognition.answers.class_targets import (
    class_weights,
    encode,
    example_weights,
    joined,
)

NAN = float("nan")
TWO, LABELS = ("normal", "nodule"), ("mass", "edema", "hernia")


def one_hot(labels, classes=TWO):
    return encode(pd.Series(labels), None, classes, multi_label=False)


def test_exclusive_targets_are_one_hot_and_unknown_is_nan():
    found = one_hot(["nodule", None, "normal", ""])
    np.testing.assert_array_equal(found, [[0, 1], [NAN, NAN], [1, 0], [NAN, NAN]])
    assert found.dtype == np.float32


def test_multi_label_targets_tell_absent_from_unknown():
    labels, unknown = ["mass|hernia", "", None, "mass"], ["edema", "", "", None]
    found = encode(pd.Series(labels), pd.Series(unknown), LABELS, multi_label=True)
    expected = [[1, NAN, 1], [0, 0, 0], [NAN, NAN, NAN], [1, 0, 0]]
    np.testing.assert_array_equal(found, expected)


def test_a_label_that_is_no_class_is_refused_with_the_nearest():
    with pytest.raises(DataError, match="'nodul' is not one of the classes; did you mean 'nodule'"):
        one_hot(["nodul"])


def test_names_are_joined_in_the_order_of_the_classes():
    assert joined(np.array([True, False, True]), LABELS) == "mass|hernia"
    assert joined(np.zeros(3, bool), LABELS) == ""


def test_class_weights_balance_classes_and_keep_the_mean_over_examples():
    targets = one_hot(["normal"] * 3 + ["nodule"])
    weights = class_weights(targets, multi_label=False)
    # N / (K n): 4 / (2 * 3) and 4 / (2 * 1), as scikit-learn's "balanced".
    np.testing.assert_allclose(weights, [2 / 3, 2])
    each = example_weights(targets, weights)
    assert each.mean() == pytest.approx(1)
    np.testing.assert_allclose(each, [2 / 3, 2 / 3, 2 / 3, 2])


def test_a_class_without_examples_weighs_one():
    weights = class_weights(one_hot(["a", "a", "b"], ("a", "b", "c")), multi_label=False)
    np.testing.assert_allclose(weights, [3 / 4, 3 / 2, 1])
    np.testing.assert_allclose(class_weights(one_hot([None], ("a", "b")), multi_label=False), 1)


def test_label_weights_favour_rare_labels_and_have_mean_one():
    targets = np.array([[1, 1, NAN], [1, 0, 0], [1, 0, 1], [0, 0, 1]])
    weights = class_weights(targets, multi_label=True)
    np.testing.assert_allclose(weights, np.array([1 / 3, 1, 1 / 2]) * 3 / (11 / 6))


def test_an_example_without_a_known_label_weighs_nothing():
    targets = np.array([[1, NAN, 0], [NAN, NAN, NAN]])
    np.testing.assert_array_equal(example_weights(targets, (), multi_label=True), [1, 0])
    # Labels are weighed in the loss, not here.
    np.testing.assert_array_equal(example_weights(targets, (2, 3, 4), multi_label=True), [1, 0])
