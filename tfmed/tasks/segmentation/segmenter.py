"""`Segmenter`: trained networks that draw label maps of whole cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed import inference
from tfmed.data.case_reading import Case
from tfmed.errors import ConfigError, ExportError
from tfmed.export.backends import Backend
from tfmed.export.pixels import PixelCode
from tfmed.export.tail import ANSWER, check_float32, check_outputs, mean_of
from tfmed.inference import Ensemble, InferenceSettings, Network
from tfmed.task import Signature
from tfmed.tasks.segmentation import export
from tfmed.transforms.normalisation import Normalisation, normalise
from tfmed.transforms.prepare import match_channels

OWN_STATISTICS = (
    "Whole cases are normalised by the mean and standard deviation of the case. "
    "`serving_default` and the TFLite files that take modality units know only the image or "
    "patch that they are given and normalise by its own; `patches` and `int8.tflite` take what "
    "was normalised before."
)


@dataclass(frozen=True)
class Segmenter:
    """Networks that draw label maps of whole cases; keeps the contract `Predictor`.

    Attributes:
        settings: how whole cases are asked: patch, spacing, normalisation, windows.
        classes: K names, the background first; a label map's values are their places.
        divisors: what an image's side along each axis of the patch must be a multiple of.
        channels: of the images.
        keep_largest: classes, by their values, of which the largest component alone is kept.
        pixels: what the integers of a PNG or JPEG mean.
        models: float32 networks, normalised images `[B, H, W, C]` or `[B, D, H, W, C]` to logits
            `[B, ..., K]`, or to several of which the first is meant; with several models (the
            folds of a cross-validation) their probabilities are averaged. None where a backend
            answers.
        backend: what runs the networks in place of Keras.
        about: the fact `masks` of the data that they were trained on, for masks that are written.
        palette: a mask of that data, where they have a palette and are at hand.
    """

    settings: InferenceSettings
    classes: tuple[str, ...]
    divisors: tuple[int, ...]
    channels: int = 1
    keep_largest: tuple[int, ...] = ()
    pixels: PixelCode = field(default_factory=PixelCode)
    models: tuple[keras.Model, ...] = ()
    backend: Backend | None = None
    about: Mapping[str, Any] | None = None
    palette: Path | None = None

    def __post_init__(self) -> None:
        if len(self.classes) != self.settings.classes:
            raise ConfigError(
                f"{len(self.classes)} classes are named, the settings have {self.settings.classes}"
            )
        if not (self.models or self.backend):
            raise ConfigError("no network was given; at least one is needed")
        for model in self.models:
            self._check(model)

    @property
    def threshold(self) -> None:
        """The most probable class is taken."""

    @property
    def limits(self) -> tuple[str, ...]:
        """What users must know of these networks, beside what holds for all."""
        return () if self.intensity.fixed else (OWN_STATISTICS,)

    @property
    def intensity(self) -> Normalisation:
        """How values are normalised."""
        return self.settings.intensity

    @property
    def planar(self) -> bool:
        """Whether the network takes 2D images, which PNG and JPEG can carry."""
        return len(self.settings.patch_size) == 2

    @property
    def of_volumes(self) -> bool:
        """Whether cases are volumes, in patches or slice by slice."""
        return not self.planar or self.settings.slice_wise

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)` of a patch."""
        return (*self.settings.patch_size, self.channels)

    @property
    def noise_window(self) -> tuple[float, float]:
        """Smallest and largest value of warm-up images, in modality units."""
        return self.intensity.window or (0.0, 255.0)

    @property
    def unmirrored(self) -> Segmenter:
        """The same without mirrored copies."""
        return replace(self, settings=replace(self.settings, mirror_axes=()))

    def on(self, backend: Backend) -> Segmenter:
        """The same with its networks run by another backend."""
        return replace(self, backend=backend)

    def ask(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The label map of one whole case.

        Args:
            inputs: `image`: `[H, W, C]` or `[D, H, W, C]`, modality units, C 1 or 3 (brought to
                the networks' channels); `spacing_mm` of a voxel along each axis, where it is
                known.

        Returns:
            `mask`: uint8 `[H, W]` or `[D, H, W]`, in the case's own geometry.

        Raises:
            DataError: other axes than the networks take.
            GeometryError: the spacing is not known, and the networks have one.
        """
        pixels, spacing_mm = inputs["image"], inputs.get("spacing_mm")
        if pixels.shape[-1] != self.channels:
            pixels = match_channels(tf.constant(pixels, tf.float32), self.channels).numpy()
        spacing = None if spacing_mm is None else tuple(spacing_mm)
        found = inference.segment(pixels, spacing, self.networks, self.settings)
        return {"mask": inference.keep_largest(found, self.keep_largest)}

    def label_map(self, case: Case) -> np.ndarray:
        """The label map of a case, uint8 in the case's own geometry."""
        return self.ask({"image": case.pixels, "spacing_mm": case.spacing_mm})["mask"]

    @cached_property
    def networks(self) -> Ensemble:
        """Normalised patches to probabilities, averaged over networks."""
        if self.backend is None:
            return Ensemble([inference.network(model) for model in self.models])
        return Ensemble([self._asked(self.backend)])

    def network(self) -> keras.Model:
        """One Keras model: normalised images to probabilities `[B, ..., K]`."""
        if not self.models:
            raise ConfigError("these networks are an export's; only a run has them in Keras")
        folds = []
        for i, model in enumerate(self.models):
            answer = keras.layers.Softmax(name=ANSWER)(model.outputs[0])
            folds.append(keras.Model(model.inputs[0], answer, name=f"fold_{i}"))
        return mean_of(folds, keras.Input(self.models[0].inputs[0].shape[1:], name="image"))

    def named(self, answers: tf.Tensor) -> dict[str, tf.Tensor]:
        """`probabilities`."""
        return {"probabilities": answers}

    def normalise(self, image: tf.Tensor) -> tf.Tensor:
        """Modality units `[B, ..., C]` to the network's input, each image by itself."""
        return normalise(image, self.intensity)

    def signatures(self, network: keras.Model) -> dict[str, Signature]:
        """Name to function and input specification; the caller tracks `network`."""
        return export.signatures(
            network, self.intensity, self.pixels, self.input_shape, self.divisors
        )

    def live(self) -> Callable[[np.ndarray], np.ndarray]:
        """The trained networks as a function: what signatures are compared with.

        It pads and normalises in NumPy: one image `[..., C]` in modality units to its
        probabilities float32 `[..., K]`.
        """
        network = self.network()

        def probabilities(image: np.ndarray) -> np.ndarray:
            ready, sides = self.intensity.apply(image), image.shape[:-1]
            short = [-side % factor for side, factor in zip(sides, self.divisors, strict=True)]
            padded = np.pad(ready, [*((0, more) for more in short), (0, 0)])
            found = np.asarray(network(padded[np.newaxis], training=False))[0]
            return found[tuple(slice(side) for side in sides)]

        return probabilities

    def describe(self) -> dict[str, Any]:
        """The entries of the card that are this task's own."""
        return export.described(self)

    def int8_input(self) -> dict[str, Any]:
        """What `int8.tflite` takes: `(clip(x, low, high) - offset) * scale`.

        Offset and scale are the mean and 1 / std of the whole case where they are not given, of
        its voxels that are not 0 where `nonzero` holds, whose others stay 0.
        """
        fixed = self.intensity.fixed
        return {
            "clip": self.intensity.window,
            "offset": None if fixed is None else fixed[0],
            "scale": None if fixed is None else 1 / fixed[1],
            "statistics": "fixed" if fixed else "mean and 1 / std of the whole case",
            "nonzero": self.intensity.nonzero,
        }

    def _asked(self, backend: Backend) -> Network:
        """A backend as a network on normalised patches.

        One that takes modality units is given such as it makes the same normalised patch of.
        Where it normalises by the patch's own statistics, any line of the values gives the same.
        """
        if backend.in_graph:
            return lambda patches: backend.call(patches)["probabilities"]
        normalised = backend.takes == "normalised"
        shift, scale = (0.0, 1.0) if normalised else self.intensity.fixed or (0.0, 1.0)
        shape = (None, *self.settings.patch_size, len(self.classes))

        def ask(given: np.ndarray) -> np.ndarray:
            return backend.call(given)["probabilities"]

        def probabilities(patches: tf.Tensor) -> tf.Tensor:
            found = tf.numpy_function(ask, [patches * scale + shift], tf.float32)
            return tf.ensure_shape(found, shape)

        return probabilities

    def _check(self, model: keras.Model) -> None:
        """Refuse a model that does not fit the other parts, while it is cheap to say so."""
        given = tuple(model.inputs[0].shape[1:])
        wanted = self.input_shape
        if len(given) != len(wanted) or any(
            side not in (None, length) for side, length in zip(given, wanted, strict=True)
        ):
            raise ExportError(f"the model takes images of shape {given}, the patches are {wanted}")
        check_outputs(model, len(self.classes), "classes")
        check_float32(model)
