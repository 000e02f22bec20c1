"""`Exportable`: what the shared parts of an export ask of a trained network of any task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import keras
import tensorflow as tf

from tfmed.errors import ExportError
from tfmed.export.pixels import PixelCode

# Layers behind the logits; int8 conversion finds them by these names.
TAIL = ("temperature", "probabilities", "mean_of_folds")

Signature = tuple[Callable[[tf.Tensor], dict[str, tf.Tensor]], tf.TensorSpec]


class Exportable(Protocol):
    """Contract: one network, or the mean of several, with all that its answers depend on.

    `Classifier` and `Segmenter` keep it; a new task is a class of its own that does.
    """

    @property
    def models(self) -> tuple[keras.Model, ...]:
        """Float32 networks, normalised image to logits; one, or one a fold."""

    @property
    def classes(self) -> tuple[str, ...]:
        """K names, in the order of the probabilities."""

    @property
    def pixels(self) -> PixelCode:
        """What the integers of a PNG or JPEG mean."""

    @property
    def planar(self) -> bool:
        """Whether an example is one 2D image, which PNG and JPEG can carry."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(*size, C)`: one example of the plan's size, which TFLite files take."""

    @property
    def noise_window(self) -> tuple[float, float]:
        """Smallest and largest value of warm-up images, in modality units."""

    def network(self) -> keras.Model:
        """One Keras model: normalised image `[B, *size, C]` to probabilities."""

    def normalise(self, image: tf.Tensor) -> tf.Tensor:
        """Modality units `[B, *size, C]` to what the network takes, each image by itself."""

    def signatures(self, network: keras.Model) -> dict[str, Signature]:
        """Name to function and input specification; the caller tracks `network`."""

    def describe(self) -> dict[str, Any]:
        """The entries of the card that are the task's own: `task`, `input`, `signatures`, ..."""

    def int8_input(self) -> dict[str, Any]:
        """How `int8.tflite`'s input is made of modality units, for the card."""


def mean_of(folds: list[keras.Model], image: keras.KerasTensor) -> keras.Model:
    """The mean of several networks' probabilities as one network; the only one as it is."""
    if len(folds) == 1:
        return folds[0]
    mean = keras.layers.Average(name=TAIL[2])([fold(image) for fold in folds])
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
