"""What an exported classifier is made of, and its answer before it is written anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError, ExportError
from tfmed.export import classifier_signatures
from tfmed.export.exportable import TAIL, Signature, check_float32, mean_of
from tfmed.export.pixels import PixelCode
from tfmed.transforms.normalisation import normalise
from tfmed.transforms.prepare import PERCENTILES, Preprocessing, prepare

ACTIVATIONS = ("softmax", "sigmoid")
BATCH = 32


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
    pixels: PixelCode = field(default_factory=PixelCode)

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

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)`: one image of the plan's size."""
        return self.preprocessing.input_shape

    @property
    def noise_window(self) -> tuple[float, float]:
        """Smallest and largest value of warm-up images, in modality units."""
        return self.preprocessing.window or (0.0, 255.0)

    def network(self) -> keras.Model:
        """One Keras model: normalised image `[B, *size, C]` to probabilities `[B, K]`."""
        folds = []
        for i, (model, temperature) in enumerate(zip(self.models, self.temperatures, strict=True)):
            logits = Temperature(temperature, name=TAIL[0])(model.outputs[0])
            answer = keras.layers.Activation(self.activation, name=TAIL[1])(logits)
            folds.append(keras.Model(model.inputs, answer, name=f"fold_{i}"))
        return mean_of(folds, keras.Input(self.input_shape, name="image"))

    def normalise(self, image: tf.Tensor) -> tf.Tensor:
        """Modality units `[B, *size, C]` at the plan's size to the network's input."""
        return normalise(image, self.preprocessing.normalisation)

    def signatures(self, network: keras.Model) -> dict[str, Signature]:
        """Name to function and input specification; the caller tracks `network`."""
        return classifier_signatures.signatures(
            network, self.preprocessing, self.pixels, self.classes
        )

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

    def describe(self) -> dict[str, Any]:
        """The entries of the card that only a classifier has."""
        return {
            "task": "classification",
            "multi_label": self.activation == "sigmoid",
            "temperature": self.temperatures,
            "input": self._input(),
            "signatures": classifier_signatures.words(self.preprocessing),
        }

    def int8_input(self) -> dict[str, Any]:
        """What `int8.tflite` takes, from an image in modality units at the plan's size.

        With a fixed window it is `(clip(x, low, high) - offset) * scale`; with percentiles (of the
        image itself) it is `(clip((x - low) / (high - low), 0, 1) - offset) * scale`, 0 before the
        offset where high equals low. `offset` and `scale` are one number, or one a channel.
        """
        preprocessing = self.preprocessing
        mean, std = np.asarray(preprocessing.mean, float), np.asarray(preprocessing.std, float)
        if preprocessing.window is None:
            scale = (1 / std).tolist()
            return {"percentiles": [0.5, 99.5], "offset": mean.tolist(), "scale": scale}
        low, high = preprocessing.window
        return {
            "clip": [low, high],
            "offset": (low + mean * (high - low)).tolist(),
            "scale": (1 / (std * (high - low))).tolist(),
        }

    def _input(self) -> dict[str, Any]:
        """The card's `input`, but for what only the data set knows."""
        preprocessing = self.preprocessing
        return {
            "size": preprocessing.size,
            "channels": preprocessing.channels,
            "window": PERCENTILES if preprocessing.window is None else preprocessing.window,
            "mean": preprocessing.mean,
            "std": preprocessing.std,
            "sampled": preprocessing.sampled,
            "bytes": self.pixels.to_dict() if self.planar else None,
        }

    def _check(self, model: keras.Model) -> None:
        """Refuse a model that does not fit the other parts, while it is cheap to say so."""
        given = tuple(model.inputs[0].shape[1:])
        if given != self.input_shape:
            raise ExportError(
                f"the model takes images of shape {given}, the preprocessing makes "
                f"{self.input_shape}"
            )
        if model.outputs[0].shape[-1] != len(self.classes):
            raise ExportError(
                f"the model gives {model.outputs[0].shape[-1]} logits for {len(self.classes)} "
                "classes"
            )
        check_float32(model)
