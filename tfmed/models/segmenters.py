"""Networks for segmentation: functions that return a plain, flat, functional `keras.Model`.

Contract: float32 `[B, H, W, C]` or `[B, D, H, W, C]` of any size that the strides divide in,
float32 logits `[B, ..., K]` of that size out, from a layer named `logits`; with deep supervision a
list, that of full size first. A new network is a new function and a row in `SEGMENTERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import keras

from tfmed.errors import ConfigError
from tfmed.models.unet_blocks import NetworkStages
from tfmed.models.weights import load_file, released
from tfmed.tables import lookup

SEGMENTERS = {
    "unet": "tfmed.models.unet:unet",
    "residual_unet": "tfmed.models.unet:residual_unet",
    "attention_unet": "tfmed.models.unet:attention_unet",
    "unet_plus_plus": "tfmed.models.unet_plus_plus:unet_plus_plus",
    "deeplab_v3_plus": "tfmed.models.deeplab:deeplab_v3_plus",
}


def build_segmenter(
    name: str,
    channels: int,
    classes: int,
    *,
    features: Sequence[int],
    strides: Sequence[Sequence[int]],
    kernels: Sequence[Sequence[int]],
    deep_supervision: bool = False,
    weights: str = "none",
    seed: int = 0,
) -> keras.Model:
    """Build a network of the table for images or volumes, by the length of a row of `strides`.

    The network takes the normalised image. Each side of it must be a multiple of the product of
    the strides along its axis.

    Args:
        name: a row of `SEGMENTERS`.
        channels: C, of the image.
        classes: K, background included.
        features: channels of each stage, finest first; two stages or more.
        strides: of each stage along each axis; those of the first are 1.
        kernels: sizes of each stage's kernels along each axis.
        deep_supervision: logits at every stage but the two lowest (see the network).
        weights: `"none"` (drawn from `seed`) or a file: a `.keras`, `.weights.h5` or `.h5` of the
            same network; for `deeplab_v3_plus` also `"imagenet"`, and then the image is 0..1.
        seed: of the first weights.

    Returns:
        The model; built, not compiled.

    Raises:
        ConfigError: an unknown name, rows that do not fit each other, weights of another network.
        ReadError: weights that are not there or not whole.

    Example:
        >>> model = build_segmenter(
        ...     "unet", 1, 3, features=(8, 16), strides=((1, 1), (2, 2)), kernels=((3, 3), (3, 3))
        ... )
        >>> model.output_shape
        (None, None, None, 3)
    """
    function = cast(Callable[..., keras.Model], lookup(SEGMENTERS, name, "model"))
    stages = NetworkStages(
        tuple(map(int, features)),
        tuple(tuple(map(int, row)) for row in strides),
        tuple(tuple(map(int, row)) for row in kernels),
    )
    _check(name, channels, classes, stages)
    model = function(
        channels,
        classes,
        stages,
        name=name,
        deep_supervision=deep_supervision,
        weights=weights,
        seed=seed,
    )
    if weights not in ("none", "imagenet") and not released(weights):
        load_file(model, weights)
    return model


def without_supervision(model: keras.Model) -> keras.Model:
    """The same network, weights shared, with the logits of full size alone."""
    if len(model.outputs) == 1:
        return model
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def _check(name: str, channels: int, classes: int, stages: NetworkStages) -> None:
    if channels < 1 or classes < 2:
        raise ConfigError(
            f"{name} needs at least one channel and two classes (background is one), got "
            f"{channels} and {classes}"
        )
    lengths = {len(stages.features), len(stages.strides), len(stages.kernels)}
    if lengths != {len(stages)} or len(stages) < 2:
        raise ConfigError(
            f"features, strides and kernels of {name} have {len(stages.features)}, "
            f"{len(stages.strides)} and {len(stages.kernels)} rows; expected one a stage, and at "
            "least two"
        )
    ranks = {len(row) for row in (*stages.strides, *stages.kernels)}
    if ranks not in ({2}, {3}):
        raise ConfigError(
            f"rows of strides and kernels of {name} have lengths {sorted(ranks)}; expected 2 "
            "everywhere for images, or 3 for volumes"
        )
    rows = (stages.features, *stages.strides, *stages.kernels)
    if min(min(row) for row in rows) < 1:
        raise ConfigError(f"features, strides and kernels of {name} must all be at least 1")
    if max(stages.strides[0]) > 1:
        raise ConfigError(
            f"the first strides of {name} are {stages.strides[0]}; expected all 1, because the "
            "logits have the size of the image"
        )
