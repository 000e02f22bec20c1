"""The layer that makes numbers with intervals of a network's standard scores."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.losses.likelihood import expected_error


@keras.saving.register_keras_serializable("tfmed")
class Scale(keras.layers.Layer):
    """Standard scores `[B, 2]` to `value`, `low` and `high` `[B, 3]`, in the numbers' unit.

    Args:
        mean: of the training part's numbers.
        std: of them, above 0.
        half_width: of intervals; a factor of the expected error where `expected` holds. None
            where validation was too small for intervals: then both ends are NaN.
        expected: whether the second output tells the error that is expected.
        kwargs: what every Keras layer takes (`name`, `dtype`).
    """

    def __init__(
        self,
        mean: float = 0.0,
        std: float = 1.0,
        half_width: float | None = None,
        expected: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not std > 0:
            raise ConfigError(f"a standard deviation must be above 0, not {std}")
        self.mean, self.std = float(mean), float(std)
        self.half_width = None if half_width is None else float(half_width)
        self.expected = bool(expected)

    def call(self, outputs: tf.Tensor) -> tf.Tensor:
        """Standard scores and what they tell of the error, to numbers."""
        value = self.mean + self.std * outputs[:, 0]
        half = tf.ones_like(value) * (float("nan") if self.half_width is None else self.half_width)
        if self.expected:
            half *= self.std * expected_error(outputs)
        return tf.stack([value, value - half, value + half], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """`(B, 3)`."""
        return (input_shape[0], 3)

    def get_config(self) -> dict[str, Any]:
        """The layer's settings, as Keras saves them."""
        own = {"mean": self.mean, "std": self.std}
        intervals = {"half_width": self.half_width, "expected": self.expected}
        return {**super().get_config(), **own, **intervals}
