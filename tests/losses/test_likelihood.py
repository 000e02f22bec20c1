"""Losses of numbers by hand, and against Keras and SciPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfmed.losses.likelihood import expected_error, gaussian, huber

TARGETS = np.float32([[1.0], [-0.5], [3.0]])
OUTPUTS = np.float32([[1.5, 0.0], [-0.5, -2.0], [-1.0, 1.0]])
NAN = float("nan")


def gradient(loss, targets, outputs):
    outputs = tf.constant(np.float32(outputs))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        value = tf.reduce_sum(loss(tf.constant(np.float32(targets)), outputs))
    return tape.gradient(value, outputs).numpy()


def test_huber_is_half_the_square_and_then_straight():
    # Errors 0.5, 0 and 4: 0.125, 0, and 1 * (4 - 0.5).
    np.testing.assert_allclose(huber(TARGETS, OUTPUTS), [0.125, 0, 3.5], rtol=1e-6)
    # With delta 2: 2 * (4 - 1).
    np.testing.assert_allclose(huber(TARGETS, OUTPUTS, 2.0), [0.125, 0, 6], rtol=1e-6)


def test_huber_and_its_gradient_are_those_of_keras():
    errors = np.linspace(-3, 3, 25, dtype=np.float32)[:, None]
    zeros = np.zeros_like(errors)
    found = huber(zeros, errors)
    np.testing.assert_allclose(found, keras.losses.huber(zeros, errors), rtol=1e-6)
    expected = gradient(keras.losses.huber, zeros, errors)
    np.testing.assert_allclose(gradient(huber, zeros, errors), expected, atol=1e-6)


def test_gaussian_is_the_negative_log_density_of_scipy():
    spread = expected_error(OUTPUTS).numpy()
    expected = -stats.norm.logpdf(TARGETS[:, 0], OUTPUTS[:, 0], spread)
    np.testing.assert_allclose(gaussian(TARGETS, OUTPUTS), expected, rtol=1e-5)


def test_gaussian_of_a_sure_and_right_number_by_hand():
    # Log variance 10 * tanh(-0.2), no error: (log variance + log 2 pi) / 2.
    expected = (10 * np.tanh(-0.2) + np.log(2 * np.pi)) / 2
    assert gaussian(TARGETS, OUTPUTS).numpy()[1] == pytest.approx(expected, rel=1e-5)


def test_the_expected_error_is_about_the_square_root_of_the_exponential():
    outputs = np.float32([[0, 0], [0, 1], [0, -1]])
    np.testing.assert_allclose(expected_error(outputs), np.exp([0, 0.5, -0.5]), rtol=2e-3)


@pytest.mark.parametrize("loss", [huber, gaussian])
def test_an_unknown_number_has_loss_and_gradient_zero_and_changes_no_other(loss):
    targets = TARGETS.copy()
    targets[1] = NAN
    found, whole = loss(targets, OUTPUTS).numpy(), loss(TARGETS, OUTPUTS).numpy()
    assert found[1] == 0
    np.testing.assert_array_equal(found[[0, 2]], whole[[0, 2]])
    slopes = gradient(loss, targets, OUTPUTS)
    np.testing.assert_array_equal(slopes[1], 0)
    np.testing.assert_array_equal(slopes[[0, 2]], gradient(loss, TARGETS, OUTPUTS)[[0, 2]])
    assert np.isfinite(slopes).all()


@pytest.mark.parametrize("loss", [huber, gaussian])
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_loss_and_gradient_are_finite_for_huge_outputs(loss, size):
    outputs = np.full((3, 2), size, np.float32)
    assert np.isfinite(loss(TARGETS, outputs)).all()
    assert np.isfinite(gradient(loss, TARGETS, outputs)).all()


def test_a_second_output_is_no_part_of_huber():
    np.testing.assert_array_equal(huber(TARGETS, OUTPUTS), huber(TARGETS, OUTPUTS[:, :1]))
    assert (gradient(huber, TARGETS, OUTPUTS)[:, 1] == 0).all()


@pytest.mark.parametrize("loss", [huber, gaussian])
def test_half_precision_outputs_give_float32_of_one_value_an_example(loss):
    found = loss(TARGETS, tf.cast(OUTPUTS, tf.bfloat16))
    assert (found.dtype, found.shape) == (tf.float32, (3,))
