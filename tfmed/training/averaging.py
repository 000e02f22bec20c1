"""A moving average of a network's weights, which often tests better than the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf

EVERY_STEPS = 4


class MovingAverage:
    """The average over the steps of all weights of networks, batch-norm statistics included.

    The decay grows with the steps, min(decay, (1 + t) / (10 + t)), so that a short training is
    not averaged with its beginning (as in TensorFlow's ExponentialMovingAverage). It is updated
    at each of the first 4 steps, so that even the shortest training is in it, and then every
    4 steps by the decay to the 4th power.

    Args:
        models: those that are trained.
        decay: a step.
        strategy: in whose scope the models were made and this is made.
    """

    def __init__(
        self, models: Sequence[keras.Model], decay: float, strategy: tf.distribute.Strategy
    ) -> None:
        self._weights = [weight.value for model in models for weight in model.weights]
        self._decay = decay
        self._strategy = strategy
        self.variables = [
            tf.Variable(weight.read_value(), trainable=False) for weight in self._weights
        ]

    def update(self, step: tf.Tensor) -> None:
        """Take in the weights after `step` steps, if it is the time; runs in a graph."""
        first = step <= EVERY_STEPS
        if tf.logical_or(first, tf.equal(step % EVERY_STEPS, 0)):
            time = tf.cast(step, tf.float32)
            power = tf.where(first, 1.0, float(EVERY_STEPS))
            decay = tf.minimum(self._decay, (1.0 + time) / (10.0 + time)) ** power
            for average, weight in zip(self.variables, self._weights, strict=True):
                self._strategy.extended.update(
                    average, _towards, args=(weight, 1.0 - decay), group=False
                )

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the models have the averaged weights for a while, as to validate it."""
        raw = [tf.identity(weight.read_value()) for weight in self._weights]
        _assign(self._weights, [average.read_value() for average in self.variables])
        try:
            yield
        finally:
            _assign(self._weights, raw)


def _towards(average: tf.Variable, weight: tf.Tensor, share: tf.Tensor) -> None:
    if average.dtype.is_floating:
        average.assign_sub((average - weight) * tf.cast(share, average.dtype))
    else:
        average.assign(weight)


def _assign(variables: list[tf.Variable], values: list[tf.Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
