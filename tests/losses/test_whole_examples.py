"""Losses against hand calculation and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfmed.losses import cross_entropy, focal

LOGITS = np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0]], np.float32)
ONE_HOT = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
NAN = float("nan")


def gradient(loss, targets, logits, **options):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = tf.reduce_sum(loss(tf.constant(targets), logits, **options))
    return tape.gradient(value, logits).numpy()


def test_softmax_cross_entropy_of_equal_logits_is_the_log_of_the_classes():
    assert cross_entropy(ONE_HOT, LOGITS).numpy()[1] == pytest.approx(np.log(3), abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_softmax_cross_entropy_is_that_of_keras(smoothing):
    expected = keras.losses.categorical_crossentropy(
        ONE_HOT, LOGITS, from_logits=True, label_smoothing=smoothing
    )
    found = cross_entropy(ONE_HOT, LOGITS, label_smoothing=smoothing)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_sigmoid_cross_entropy_is_that_of_keras_where_all_labels_are_known(smoothing):
    targets = np.array([[1, 0, 1], [0, 0, 1]], np.float32)
    expected = keras.losses.binary_crossentropy(
        targets, LOGITS, from_logits=True, label_smoothing=smoothing
    )
    found = cross_entropy(targets, LOGITS, multi_label=True, label_smoothing=smoothing)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("loss", [cross_entropy, focal])
def test_unknown_labels_are_left_out_of_the_mean(loss):
    whole = loss(np.float32([[1, 0]]), LOGITS[:1, :2], multi_label=True)
    masked = loss(np.float32([[1, 0, NAN]]), LOGITS[:1], multi_label=True)
    np.testing.assert_allclose(masked, whole, rtol=1e-6)


@pytest.mark.parametrize("loss", [cross_entropy, focal])
@pytest.mark.parametrize("multi_label", [True, False])
def test_an_example_without_a_known_label_has_loss_and_gradient_zero(loss, multi_label):
    targets = np.full((2, 3), NAN, np.float32)
    np.testing.assert_array_equal(loss(targets, LOGITS, multi_label=multi_label), [0, 0])
    np.testing.assert_array_equal(gradient(loss, targets, LOGITS, multi_label=multi_label), 0)


@pytest.mark.parametrize("loss", [cross_entropy, focal])
@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_gradients_are_finite_beside_unknown_labels_and_for_huge_logits(loss, multi_label, size):
    targets = np.float32([[1, NAN, 0], [0, 1, 0]])
    logits = np.float32([[-1, 1, 1], [1, 1, -1]]) * np.float32(size)
    assert np.isfinite(loss(targets, logits, multi_label=multi_label)).all()
    assert np.isfinite(gradient(loss, targets, logits, multi_label=multi_label)).all()


def test_gradient_at_an_unknown_label_is_zero_and_elsewhere_that_of_the_known():
    found = gradient(cross_entropy, np.float32([[1, NAN]]), np.float32([[0, 5]]), multi_label=True)
    np.testing.assert_allclose(found, [[-0.5, 0]], atol=1e-6)


def test_softmax_focal_is_cross_entropy_times_the_squared_rest():
    # Equal logits of three classes: p = 1/3, (2/3)^2 * log 3.
    assert focal(ONE_HOT, LOGITS).numpy()[1] == pytest.approx(4 / 9 * np.log(3), rel=1e-5)
    expected = keras.losses.categorical_focal_crossentropy(
        ONE_HOT, LOGITS, from_logits=True, alpha=1.0, gamma=2.0
    )
    np.testing.assert_allclose(focal(ONE_HOT, LOGITS), expected, rtol=1e-5)


def test_sigmoid_focal_is_that_of_keras():
    targets = np.array([[1, 0, 1], [0, 0, 1]], np.float32)
    expected = keras.losses.binary_focal_crossentropy(
        targets, LOGITS, from_logits=True, apply_class_balancing=False, gamma=2.0
    )
    np.testing.assert_allclose(focal(targets, LOGITS, multi_label=True), expected, rtol=1e-5)


@pytest.mark.parametrize("multi_label", [True, False])
def test_focal_of_gamma_zero_is_cross_entropy(multi_label):
    expected = cross_entropy(ONE_HOT, LOGITS, multi_label)
    np.testing.assert_allclose(focal(ONE_HOT, LOGITS, multi_label, gamma=0.0), expected, rtol=1e-5)


def test_a_label_counts_by_its_weight():
    # Logits 0: each label's term is log 2; weights 2 and 0 in the mean over two labels.
    found = cross_entropy(np.float32([[1, 0]]), np.zeros((1, 2)), True, label_weights=(2.0, 0.0))
    np.testing.assert_allclose(found, [np.log(2)], rtol=1e-6)


def test_half_precision_logits_give_float32():
    assert cross_entropy(ONE_HOT, tf.cast(LOGITS, tf.bfloat16)).dtype == tf.float32
