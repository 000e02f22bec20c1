"""Layers behind the logits; int8 conversion finds them by their names."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfmed.errors import ConfigError, ExportError

# What follows the logits: `int8.tflite` keeps it in float.
TEMPERATURE, ANSWER, MEAN = TAIL = ("temperature", "probabilities", "mean_of_folds")


@keras.saving.register_keras_serializable("tfmed")
class Temperature(keras.layers.Layer):
    """Divide logits by a temperature that was fitted on validation data.

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017.

    Args:
        temperature: above 0; 1 changes nothing.
        kwargs: what every Keras layer takes (`name`, `dtype`).
    """

    def __init__(self, temperature: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not temperature > 0:
            raise ConfigError(f"a temperature must be above 0, not {temperature}")
        self.temperature = float(temperature)

    def call(self, logits: tf.Tensor) -> tf.Tensor:
        """Logits `[B, K]` as calibrated logits `[B, K]`."""
        return logits / self.temperature

    def get_config(self) -> dict[str, Any]:
        """The layer's settings, as Keras saves them."""
        return {**super().get_config(), "temperature": self.temperature}


def mean_of(folds: list[keras.Model], image: keras.KerasTensor) -> keras.Model:
    """The mean of several networks' answers as one network; the only one as it is."""
    if len(folds) == 1:
        return folds[0]
    mean = keras.layers.Average(name=MEAN)([fold(image) for fold in folds])
    return keras.Model(image, mean, name="folds")


def check_float32(model: keras.Model) -> None:
    """Refuse a network in mixed precision, while it is cheap to say so.

    Raises:
        ExportError: a layer computes in another dtype.
    """
    low = sorted({layer.dtype_policy.compute_dtype for layer in model.layers} - {"float32"})
    if low:
        raise ExportError(
            f"the model computes in {', '.join(map(str, low))}; rebuild it in float32 with "
            "the trained weights (mixed precision converts to no TFLite file)"
        )


def check_outputs(model: keras.Model, wanted: int, of: str) -> None:
    """Refuse a network whose last layer has another width.

    Raises:
        ExportError: it has.
    """
    given = model.outputs[0].shape[-1]
    if given != wanted:
        raise ExportError(f"the model gives {given} logits for {wanted} {of}")
