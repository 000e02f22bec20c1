"""The pieces that our own networks are made of, in two or three dimensions by one code.

Layers are chosen by the rank of the tensor: `[B, H, W, C]` or `[B, D, H, W, C]`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import keras
import numpy as np
from keras import KerasTensor, layers

from tfmed.errors import ConfigError

GROUP_CHANNELS = 8


class ClassifierOptions(TypedDict):
    """What every network that classifies takes by name; see `models.build`."""

    name: str
    weights: str
    norm: str
    dropout: float
    seed: int


def seeds(seed: int) -> Iterator[int]:
    """An endless, reproducible stream of seeds: one for every layer that draws."""
    generator = np.random.default_rng(seed)
    while True:
        yield int(generator.integers(2**31))


def spatial_rank(tensor: KerasTensor) -> int:
    """2 for an image, 3 for a volume."""
    return len(tensor.shape) - 2


def convolution(
    tensor: KerasTensor,
    filters: int,
    kernel: int | tuple[int, ...],
    seed: int,
    *,
    stride: int | tuple[int, ...] = 1,
    rate: int = 1,
    padding: str = "same",
    bias: bool = False,
) -> KerasTensor:
    """Convolve, at `rate` voxels apart; He-normal first weights (He 2015), for a rectifier."""
    layer = layers.Conv2D if spatial_rank(tensor) == 2 else layers.Conv3D
    return layer(
        filters,
        kernel,
        strides=stride,
        padding=padding,
        dilation_rate=rate,
        use_bias=bias,
        kernel_initializer=keras.initializers.HeNormal(seed=seed),
    )(tensor)


def normalise(tensor: KerasTensor, norm: str, *, zero: bool = False) -> KerasTensor:
    """Normalise features.

    Args:
        tensor: features, channels last.
        norm: `"batch"`, its statistics taken over all replicas, or `"group"` (Wu and He 2018),
            in groups of 8 channels, which does not depend on the batch.
        zero: begin with a scale of 0, so that a residual block begins as the identity
            (Goyal 2017).
    """
    gamma = "zeros" if zero else "ones"
    if norm == "batch":
        # 0.9 and not Keras' 0.99: the statistics settle within tens of steps, where a small
        # data set has only some tens of steps an epoch.
        return layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, synchronized=True
        )(tensor)
    channels = int(tensor.shape[-1])
    return layers.GroupNormalization(
        groups=max(1, channels // GROUP_CHANNELS), epsilon=1e-5, gamma_initializer=gamma
    )(tensor)


def residual(
    tensor: KerasTensor, filters: int, stride: int, norm: str, seed: Iterator[int]
) -> KerasTensor:
    """The basic residual block (He 2016): two 3x3 convolutions beside a shortcut.

    Where size or width change, the shortcut is a strided convolution whose kernel is as large
    as its stride, so that it sees every pixel.
    """
    shortcut = tensor
    if stride != 1 or int(tensor.shape[-1]) != filters:
        shortcut = convolution(tensor, filters, stride, next(seed), stride=stride)
        shortcut = normalise(shortcut, norm)
    tensor = convolution(tensor, filters, 3, next(seed), stride=stride)
    tensor = layers.Activation("relu")(normalise(tensor, norm))
    tensor = convolution(tensor, filters, 3, next(seed))
    tensor = normalise(tensor, norm, zero=True)
    return layers.Activation("relu")(layers.Add()([shortcut, tensor]))


def max_pool(tensor: KerasTensor) -> KerasTensor:
    """The largest value of each 2x2 (or 2x2x2) cell; an odd last row is left out.

    A volume is pooled in two 2D steps over reshaped axes, because TFLite has no MaxPool3D of
    its own.
    """
    if spatial_rank(tensor) == 2:
        return layers.MaxPooling2D(2)(tensor)
    _, depth, height, width, channels = tensor.shape
    if height % 2:
        # Slices are stacked along the rows below: a cell must not reach into the next slice.
        tensor = layers.Cropping3D(((0, 0), (0, 1), (0, 0)))(tensor)
    half = (height // 2, width // 2)
    tensor = layers.Reshape((depth * (height - height % 2), width, channels))(tensor)
    tensor = layers.MaxPooling2D(2)(tensor)
    tensor = layers.Reshape((depth, half[0] * half[1], channels))(tensor)
    tensor = layers.MaxPooling2D((2, 1))(tensor)
    return layers.Reshape((depth // 2, *half, channels))(tensor)


def global_average(tensor: KerasTensor) -> KerasTensor:
    """The mean of every feature over all positions: `[B, C]`."""
    if spatial_rank(tensor) == 2:
        return layers.GlobalAveragePooling2D()(tensor)
    return layers.GlobalAveragePooling3D()(tensor)


def head(features: KerasTensor, classes: int, dropout: float, seed: Iterator[int]) -> KerasTensor:
    """Dropout and the layer `logits`: `[B, C]` to `[B, classes]`, float32 in any precision."""
    if dropout:
        features = layers.Dropout(dropout, seed=next(seed))(features)
    return layers.Dense(
        classes,
        dtype="float32",
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seed)),
        name="logits",
    )(features)


def require_size(
    name: str, shape: tuple[int, ...], least: int, instead: str, *, volumes: bool = False
) -> None:
    """Refuse an image that is smaller than a network can take, or a volume it cannot.

    Raises:
        ConfigError: naming the size, the least size and a network that fits.
    """
    spatial = shape[:-1]
    if len(spatial) == 3 and not volumes:
        raise ConfigError(
            f"{name} takes images of two dimensions, got {spatial}; volumes go through "
            "--model resnet_small or --model convnet"
        )
    if min(spatial) < least:
        text = "x".join(map(str, spatial))
        raise ConfigError(
            f"{name} needs at least {least} pixels a side, got {text}; set a larger --size or "
            f"--model {instead}"
        )


def require_no_imagenet(name: str, weights: str) -> None:
    """Refuse `imagenet` for a network of our own.

    Raises:
        ConfigError: there are no such weights.
    """
    if weights == "imagenet":
        raise ConfigError(
            f"{name} has no ImageNet weights; use --weights none, --weights FILE or a network "
            "of keras.applications, such as --model efficientnet_v2_b0"
        )
