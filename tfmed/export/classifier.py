"""What an exported classifier is made of, and its answer before it is written anywhere."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image as Pillow

from tfmed.errors import ConfigError, DataError, ExportError
from tfmed.transforms.prepare import Preprocessing, prepare

ACTIVATIONS = ("softmax", "sigmoid")
BATCH = 32
# Layers behind the logits; int8 conversion finds them by these names.
TAIL = ("temperature", "probabilities", "mean_of_folds")


@dataclass(frozen=True)
class PixelCode:
    """How the integers of a PNG or JPEG become modality units: `pixels * slope + intercept`.

    Attributes:
        bits: 8 or 16; a file of another depth is not valid.
        slope: modality units a step.
        intercept: modality units at 0.
    """

    bits: int = 8
    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if self.bits not in (8, 16):
            raise ConfigError(f"a PNG carries 8 or 16 bits a channel, not {self.bits}")
        if self.slope == 0:
            raise ConfigError("the slope of a pixel code must not be 0")

    @classmethod
    def of(cls, minimum: float, maximum: float, bits: int = 8) -> PixelCode:
        """The code for data of a range: 8-bit, 16-bit, or 16-bit with a shifted zero.

        Args:
            minimum: smallest value of the data, in modality units.
            maximum: largest value.
            bits: bits that held the data in its source; more than 8 needs 16.
        """
        if minimum < 0:
            return cls(16, 1.0, -32768.0)
        return cls(8) if bits <= 8 and maximum <= 255 else cls(16)

    def to_dict(self) -> dict[str, Any]:
        """The card's `input.bytes`."""
        return {"bits": self.bits, "slope": self.slope, "intercept": self.intercept}

    def encode(self, image: np.ndarray) -> bytes:
        """Write an image as a lossless PNG.

        Args:
            image: `[H, W, C]` in modality units; C is 1, or 3 where `bits` is 8.

        Raises:
            DataError: values that the code cannot hold exactly, or 16-bit colour.
        """
        stored = (np.asarray(image, np.float64) - self.intercept) / self.slope
        whole = np.rint(stored)
        if not np.all(np.abs(stored - whole) < 1e-6):
            raise DataError(f"values are not whole steps of {self.slope:g}")
        if whole.min() < 0 or whole.max() >= 1 << self.bits:
            raise DataError(
                f"values {np.min(image):g}..{np.max(image):g} do not fit {self.bits} bits with "
                f"slope {self.slope:g} and intercept {self.intercept:g}"
            )
        pixels = whole.astype(np.uint8 if self.bits == 8 else np.uint16)
        if self.bits == 16:
            if pixels.shape[-1] != 1:
                raise DataError("16-bit colour PNG is not written")
            return bytes(tf.io.encode_png(pixels).numpy())
        buffer = io.BytesIO()
        Pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
        return buffer.getvalue()


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


@dataclass(frozen=True)
class Classifier:
    """A trained classifier, ready to be exported.

    Attributes:
        models: float32 networks, normalised image to logits `[B, K]`; with several (the folds
            of a cross-validation) their probabilities are averaged.
        preprocessing: from modality units to the network's input.
        temperatures: one a model.
        classes: K names, in the order of the probabilities.
        activation: `"softmax"`, or `"sigmoid"` for multi-label.
        pixels: what the integers of a PNG or JPEG mean.
    """

    models: tuple[keras.Model, ...]
    preprocessing: Preprocessing
    temperatures: tuple[float, ...]
    classes: tuple[str, ...]
    activation: str = "softmax"
    pixels: PixelCode = PixelCode()

    def __post_init__(self) -> None:
        if not self.models or len(self.models) != len(self.temperatures):
            raise ConfigError(
                f"every model needs its temperature: {len(self.models)} models, "
                f"{len(self.temperatures)} temperatures"
            )
        if self.activation not in ACTIVATIONS:
            raise ConfigError(f"activation must be one of {ACTIVATIONS}, not {self.activation!r}")
        for model in self.models:
            self._check(model)

    @property
    def planar(self) -> bool:
        """Whether an example is one 2D image, which PNG and JPEG can carry."""
        return len(self.preprocessing.size) == 2

    def network(self) -> keras.Model:
        """One Keras model: normalised image `[B, *size, C]` to probabilities `[B, K]`."""
        folds = []
        for i, (model, temperature) in enumerate(zip(self.models, self.temperatures, strict=True)):
            logits = Temperature(temperature, name=TAIL[0])(model.outputs[0])
            answer = keras.layers.Activation(self.activation, name=TAIL[1])(logits)
            folds.append(keras.Model(model.inputs, answer, name=f"fold_{i}"))
        if len(folds) == 1:
            return folds[0]
        image = keras.Input(self.preprocessing.input_shape, name="image")
        mean = keras.layers.Average(name=TAIL[2])([fold(image) for fold in folds])
        return keras.Model(image, mean, name="folds")

    def probabilities(self, images: Iterable[np.ndarray]) -> np.ndarray:
        """The live answer, image by image read and resampled, in batches through Keras.

        Args:
            images: `[H, W, C]` or `[D, H, W, C]` each, of any size, in modality units.

        Returns:
            float32 `[N, K]`.
        """
        network = self.network()

        @tf.function(reduce_retracing=True)
        def one(image: tf.Tensor) -> tf.Tensor:
            return prepare(image, self.preprocessing)

        ready = [one(np.asarray(image, np.float32)[np.newaxis]) for image in images]
        if not ready:
            return np.zeros((0, len(self.classes)), np.float32)
        parts = [tf.concat(ready[i : i + BATCH], 0) for i in range(0, len(ready), BATCH)]
        return np.concatenate([np.asarray(network(part, training=False)) for part in parts])

    def _check(self, model: keras.Model) -> None:
        """Refuse a model that does not fit the other parts, while it is cheap to say so."""
        given = tuple(model.inputs[0].shape[1:])
        if given != self.preprocessing.input_shape:
            raise ExportError(
                f"the model takes images of shape {given}, the preprocessing makes "
                f"{self.preprocessing.input_shape}"
            )
        if model.outputs[0].shape[-1] != len(self.classes):
            raise ExportError(
                f"the model gives {model.outputs[0].shape[-1]} logits for {len(self.classes)} "
                "classes"
            )
        low = sorted({layer.dtype_policy.compute_dtype for layer in model.layers} - {"float32"})
        if low:
            raise ExportError(
                f"the model computes in {', '.join(map(str, low))}; rebuild it in float32 with "
                "the trained weights (mixed precision converts to no TFLite file)"
            )
