"""`Recogniser`: trained networks that answer for whole examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError, ExportError
from tfmed.export.backends import Backend
from tfmed.export.pixels import PixelCode
from tfmed.export.tail import check_float32, check_outputs, mean_of
from tfmed.task import Signature
from tfmed.tasks.recognition import export
from tfmed.tasks.recognition.answers import Answer
from tfmed.transforms.normalisation import normalise
from tfmed.transforms.prepare import (
    PERCENTILES,
    Preprocessing,
    match_channels,
    prepare,
    resample,
)

BATCH = 64


@dataclass(frozen=True)
class Recogniser:
    """Networks that answer for whole examples; keeps the contract `Predictor`.

    Attributes:
        answer: what is asked.
        preprocessing: from modality units to the networks' input.
        threshold: the operating point locked on validation; None where there is none.
        models: float32 networks, normalised image to outputs `[B, M]`; with several (the folds
            of a cross-validation) their answers are averaged. None where a backend answers.
        chosen: of each model what was chosen on its validation part.
        pixels: what the integers of a PNG or JPEG mean.
        backend: what runs the networks in place of Keras.
    """

    answer: Answer
    preprocessing: Preprocessing
    threshold: Any = None
    models: tuple[keras.Model, ...] = ()
    chosen: tuple[Mapping[str, Any], ...] = ()
    pixels: PixelCode = field(default_factory=PixelCode)
    backend: Backend | None = None

    def __post_init__(self) -> None:
        if len(self.models) != len(self.chosen) or not (self.models or self.backend):
            raise ConfigError(
                f"every model needs what was chosen for it, and there must be one: "
                f"{len(self.models)} models, {len(self.chosen)} choices"
            )
        for model in self.models:
            self._check(model)

    @property
    def planar(self) -> bool:
        """Whether an example is one 2D image, which PNG and JPEG can carry."""
        return len(self.preprocessing.size) == 2

    @property
    def of_volumes(self) -> bool:
        """Whether an example is a volume."""
        return not self.planar and not self.preprocessing.sampled

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)`: one image of the plan's size."""
        return self.preprocessing.input_shape

    @property
    def noise_window(self) -> tuple[float, float]:
        """Smallest and largest value of warm-up images, in modality units."""
        return self.preprocessing.window or (0.0, 255.0)

    @property
    def limits(self) -> tuple[str, ...]:
        """Nothing beside what holds for all."""
        return ()

    def on(self, backend: Backend) -> Recogniser:
        """The same with its networks run by another backend."""
        return replace(self, backend=backend)

    def ask(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Answers for images.

        Args:
            inputs: `image`: `[H, W, C]` or `[D, H, W, C]` each, of any size, in modality units.

        Returns:
            What the answer names, `[N, ...]`: `probabilities` float32 `[N, K]` of classes.
        """
        images = inputs["image"]
        if self.backend is None:
            return self._by_keras(images)
        if self.backend.takes == "images":
            return self.backend.call(images)
        ready = [self._sized(image) for image in images]
        if self.backend.takes == "normalised":
            ready = [np.asarray(self.normalise(tf.constant(one[None]))[0]) for one in ready]
        return self.backend.call(ready)

    def network(self) -> keras.Model:
        """One Keras model: normalised image `[B, *size, C]` to answers `[B, width]`."""
        if not self.models:
            raise ConfigError("these networks are an export's; only a run has them in Keras")
        return self._network

    @cached_property
    def _network(self) -> keras.Model:
        folds = []
        for i, (model, chosen) in enumerate(zip(self.models, self.chosen, strict=True)):
            found = self.answer.tail(model.outputs[0], chosen)
            folds.append(keras.Model(model.inputs[0], found, name=f"fold_{i}"))
        return mean_of(folds, keras.Input(self.input_shape, name="image"))

    def named(self, answers: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answers of `network` by the names that signatures have."""
        return self.answer.named(answers)

    def normalise(self, image: tf.Tensor) -> tf.Tensor:
        """Modality units `[B, *size, C]` at the plan's size to the network's input."""
        return normalise(image, self.preprocessing.normalisation)

    def signatures(self, network: keras.Model) -> dict[str, Signature]:
        """Name to function and input specification; the caller tracks `network`."""
        return export.signatures(network, self.preprocessing, self.pixels, self.answer)

    def describe(self) -> dict[str, Any]:
        """The entries of the card that are this task's own."""
        preprocessing = self.preprocessing
        return {
            "task": self.answer.NAME,
            "classes": self.answer.classes,
            **self.answer.describe(self.chosen),
            "input": {
                "size": preprocessing.size,
                "channels": preprocessing.channels,
                "window": PERCENTILES if preprocessing.window is None else preprocessing.window,
                "mean": preprocessing.mean,
                "std": preprocessing.std,
                "sampled": preprocessing.sampled,
                "bytes": self.pixels.to_dict() if self.planar else None,
            },
            "signatures": export.words(preprocessing, self.answer),
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

    def _by_keras(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        network, parts = self.network(), []
        for start in range(0, len(images), BATCH):
            ready = self._ready(images[start : start + BATCH])
            parts.append(np.asarray(network(ready, training=False)))
        empty = np.zeros((0, self.answer.width), np.float32)
        return self.answer.named(np.concatenate(parts) if parts else empty)

    def _ready(self, images: Sequence[np.ndarray]) -> tf.Tensor:
        """Some images as the network takes them; those of its size need no resampling."""
        if all(np.shape(image) == self.input_shape for image in images):
            return self.normalise(tf.constant(np.stack(images), tf.float32))
        channels = self.preprocessing.channels
        # Before the graph, whose shapes grow looser with each size that it has seen.
        given = [match_channels(tf.constant(one, tf.float32)[None], channels) for one in images]
        return tf.concat([self._prepared(one) for one in given], 0)

    @cached_property
    def _prepared(self) -> Any:
        return tf.function(lambda image: prepare(image, self.preprocessing), reduce_retracing=True)

    def _sized(self, image: np.ndarray) -> np.ndarray:
        """One image resampled to the plan's size, modality units."""
        batch = tf.constant(np.asarray(image, np.float32)[np.newaxis])
        return np.asarray(resample(batch, self.preprocessing)[0])

    def _check(self, model: keras.Model) -> None:
        """Refuse a model that does not fit the other parts, while it is cheap to say so."""
        given = tuple(model.inputs[0].shape[1:])
        if given != self.input_shape:
            raise ExportError(
                f"the model takes images of shape {given}, the preprocessing makes "
                f"{self.input_shape}"
            )
        check_outputs(model, self.answer.outputs, "classes" if self.answer.classes else "outputs")
        check_float32(model)
