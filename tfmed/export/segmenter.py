"""What an exported segmenter is made of, and its answer before it is written anywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfmed.errors import ConfigError, ExportError
from tfmed.export import segmenter_signatures
from tfmed.export.exportable import TAIL, Signature, check_float32, mean_of
from tfmed.export.pixels import PixelCode
from tfmed.inference import InferenceSettings
from tfmed.transforms.normalisation import Normalisation, normalise


@dataclass(frozen=True)
class SegmentationModel:
    """A trained segmenter, ready to be exported; keeps the contract `Exportable`.

    Attributes:
        models: float32 networks, normalised images `[B, H, W, C]` or `[B, D, H, W, C]` to logits
            `[B, ..., K]`, or to several of which the first is meant; with several models (the
            folds of a cross-validation) their probabilities are averaged.
        settings: how whole cases are asked: patch, spacing, normalisation, windows.
        classes: K names, the background first; a label map's values are their places.
        divisors: what an image's side along each axis of the patch must be a multiple of.
        channels: of the images.
        keep_largest: classes, by their values, of which the largest component alone is kept.
        pixels: what the integers of a PNG or JPEG mean.
    """

    models: tuple[keras.Model, ...]
    settings: InferenceSettings
    classes: tuple[str, ...]
    divisors: tuple[int, ...]
    channels: int = 1
    keep_largest: tuple[int, ...] = ()
    pixels: PixelCode = field(default_factory=PixelCode)

    def __post_init__(self) -> None:
        if len(self.classes) != self.settings.classes:
            raise ConfigError(
                f"{len(self.classes)} classes are named, the settings have {self.settings.classes}"
            )
        if not self.models:
            raise ConfigError("no network was given; at least one is needed")
        for model in self.models:
            self._check(model)

    @property
    def intensity(self) -> Normalisation:
        """How values are normalised."""
        return self.settings.intensity

    @property
    def planar(self) -> bool:
        """Whether the network takes 2D images, which PNG and JPEG can carry."""
        return len(self.settings.patch_size) == 2

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(H, W, C)` or `(D, H, W, C)` of a patch."""
        return (*self.settings.patch_size, self.channels)

    @property
    def noise_window(self) -> tuple[float, float]:
        """Smallest and largest value of warm-up images, in modality units."""
        return self.intensity.window or (0.0, 255.0)

    def network(self) -> keras.Model:
        """One Keras model: normalised images to probabilities `[B, ..., K]`."""
        folds = []
        for i, model in enumerate(self.models):
            answer = keras.layers.Softmax(name=TAIL[1])(model.outputs[0])
            folds.append(keras.Model(model.inputs[0], answer, name=f"fold_{i}"))
        return mean_of(folds, keras.Input(self.models[0].inputs[0].shape[1:], name="image"))

    def normalise(self, image: tf.Tensor) -> tf.Tensor:
        """Modality units `[B, ..., C]` to the network's input, each image by itself."""
        return normalise(image, self.intensity)

    def signatures(self, network: keras.Model) -> dict[str, Signature]:
        """Name to function and input specification; the caller tracks `network`."""
        return segmenter_signatures.signatures(
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
        """The entries of the card that only a segmenter has."""
        settings = self.settings
        return {
            "task": "segmentation",
            "values": {name: value for value, name in enumerate(self.classes)},
            "input": {
                "size": settings.patch_size,
                "channels": self.channels,
                "spacing_mm": settings.spacing_mm,
                "window": self.intensity.window,
                "normalisation": self.intensity.to_dict(),
                "divisors": self.divisors,
                "bytes": self.pixels.to_dict() if self.planar else None,
            },
            "inference": {
                "patch_size": settings.patch_size,
                "spacing_mm": settings.spacing_mm,
                "slice_wise": settings.slice_wise,
                "overlap": settings.overlap,
                "mirror_axes": settings.mirror_axes,
                "keep_largest": self.keep_largest,
            },
            "signatures": segmenter_signatures.words(self.input_shape),
        }

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

    def _check(self, model: keras.Model) -> None:
        """Refuse a model that does not fit the other parts, while it is cheap to say so."""
        given = tuple(model.inputs[0].shape[1:])
        wanted = self.input_shape
        if len(given) != len(wanted) or any(
            side not in (None, length) for side, length in zip(given, wanted, strict=True)
        ):
            raise ExportError(f"the model takes images of shape {given}, the patches are {wanted}")
        if model.outputs[0].shape[-1] != len(self.classes):
            raise ExportError(
                f"the model gives {model.outputs[0].shape[-1]} logits for {len(self.classes)} "
                "classes"
            )
        check_float32(model)


def settings_of(card: dict[str, Any]) -> InferenceSettings:
    """How whole cases are asked, as the card of a segmenter says.

    Args:
        card: what `card.json` holds.
    """
    how, spacing_mm = card["inference"], card["inference"]["spacing_mm"]
    return InferenceSettings(
        patch_size=tuple(how["patch_size"]),
        spacing_mm=None if spacing_mm is None else tuple(spacing_mm),
        intensity=Normalisation.from_dict(card["input"]["normalisation"]),
        classes=len(card["classes"]),
        overlap=how["overlap"],
        mirror_axes=tuple(how["mirror_axes"]),
        slice_wise=how["slice_wise"],
    )
