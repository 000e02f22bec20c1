"""Losses of predicted numbers: one value an example, without NaN where a number is unknown.

All take `targets` `[B, 1]`, NaN where unknown, and `outputs` `[B, 1]` (the number) or `[B, 2]`
(the number, and how sure the network is of it: see `expected_error`), and give float32 `[B]`, 0
where the target is unknown; the caller weighs and averages. Targets are best standardised, mean 0
and standard deviation 1 over the training part: the losses' constants are in that unit.
"""

from __future__ import annotations

import math

import tensorflow as tf

DELTA = 1.0
MOST_LOG_VARIANCE = 10.0


def huber(targets: tf.Tensor, outputs: tf.Tensor, delta: float = DELTA) -> tf.Tensor:
    """Half the squared error up to `delta`, from there on rising straight (Huber, 1964).

    A few numbers that are quite wrong, as labels of patients are, pull less than in a square.

    Args:
        targets: `[B, 1]`.
        outputs: `[B, 1]`, or `[B, 2]` of which the first counts.
        delta: in the unit of the targets.

    Returns:
        `[B]`.
    """
    known, errors, _ = _errors(targets, outputs)
    size = tf.abs(errors)
    inner = tf.minimum(size, delta)
    # inner * (size - inner / 2) is both branches in one, and its gradient that of the branch.
    return tf.where(known, inner * (size - inner / 2), 0.0)


def gaussian(targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Negative log likelihood of a normal distribution (Nix and Weigend, 1994).

    The network learns with each number how far off it is likely to be.

    Args:
        targets: `[B, 1]`.
        outputs: `[B, 2]`, the mean, and what `expected_error` takes.

    Returns:
        `[B]`, in nats; below 0 where the network is sure and right.
    """
    known, errors, outputs = _errors(targets, outputs)
    log_variance = _log_variance(outputs)
    terms = (log_variance + errors**2 * tf.exp(-log_variance) + math.log(2 * math.pi)) / 2
    return tf.where(known, terms, 0.0)


def expected_error(outputs: tf.Tensor) -> tf.Tensor:
    """The standard deviation that the network expects, float32 `[B]`.

    The second output is the log of the variance, bent to lie between -10 and 10, so that no output
    makes an infinite loss and none is out of the gradient's reach.

    Args:
        outputs: `[B, 2]`.
    """
    return tf.exp(_log_variance(tf.cast(outputs, tf.float32)) / 2)


def _log_variance(outputs: tf.Tensor) -> tf.Tensor:
    return MOST_LOG_VARIANCE * tf.tanh(outputs[:, 1] / MOST_LOG_VARIANCE)


def _errors(targets: tf.Tensor, outputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Which targets are known `[B]`, outputs less targets `[B]`, and the outputs in float32."""
    targets = tf.cast(targets, tf.float32)[:, 0]
    outputs = tf.cast(outputs, tf.float32)
    known = tf.logical_not(tf.math.is_nan(targets))
    # Unknown targets become the output before any arithmetic: a NaN that is masked only
    # afterwards still makes the gradient NaN.
    return known, outputs[:, 0] - tf.where(known, targets, outputs[:, 0]), outputs
