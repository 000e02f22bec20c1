"""The pieces of U-shaped networks: stages, convolutions with instance normalisation, heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import keras
from keras import KerasTensor, layers

from tfmed.models.blocks import convolution, spatial_rank
from tfmed.models.instance_norm import InstanceNormalization

SLOPE = 0.01
LOGITS = "logits"


@dataclass(frozen=True)
class NetworkStages:
    """The stages of a U-shaped network, finest first; one row each.

    Attributes:
        features: channels of a stage.
        strides: of a stage's first convolution along each axis; all 1 in the first.
        kernels: of a stage's convolutions along each axis.
    """

    features: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    kernels: tuple[tuple[int, ...], ...]

    @property
    def rank(self) -> int:
        """2 for images, 3 for volumes."""
        return len(self.strides[0])

    def __len__(self) -> int:
        return len(self.features)


class SegmenterOptions(TypedDict):
    """What every network that segments takes by name; see `models.build_segmenter`."""

    name: str
    deep_supervision: bool
    weights: str
    seed: int


def unit(
    tensor: KerasTensor,
    filters: int,
    kernel: tuple[int, ...],
    seed: Iterator[int],
    stride: int | tuple[int, ...] = 1,
    slope: float = SLOPE,
) -> KerasTensor:
    """A convolution, instance normalisation and a leaky rectifier (`slope` 1: none)."""
    tensor = convolution(tensor, filters, kernel, next(seed), stride=stride)
    return InstanceNormalization(slope=slope)(tensor)


def shrink(
    tensor: KerasTensor, stages: NetworkStages, stage: int, seed: Iterator[int]
) -> KerasTensor:
    """The two convolutions of a stage on the way down, the first of them strided."""
    filters, kernel = stages.features[stage], stages.kernels[stage]
    tensor = unit(tensor, filters, kernel, seed, stages.strides[stage])
    return unit(tensor, filters, kernel, seed)


def shrink_residual(
    tensor: KerasTensor, stages: NetworkStages, stage: int, seed: Iterator[int]
) -> KerasTensor:
    """As `shrink`, beside a shortcut (He 2016).

    Where size or width change, the shortcut is a strided convolution whose kernel is as large as
    its stride, so that it sees every voxel.
    """
    filters, kernel = stages.features[stage], stages.kernels[stage]
    stride = stages.strides[stage]
    shortcut = tensor
    if max(stride) > 1 or int(tensor.shape[-1]) != filters:
        shortcut = unit(tensor, filters, stride, seed, stride, slope=1.0)
    tensor = unit(tensor, filters, kernel, seed, stride)
    tensor = unit(tensor, filters, kernel, seed, slope=1.0)
    return layers.LeakyReLU(SLOPE)(layers.Add()([shortcut, tensor]))


def enlarge(
    tensor: KerasTensor, stages: NetworkStages, stage: int, seed: Iterator[int]
) -> KerasTensor:
    """Up to a stage from the one below, by a transposed convolution whose kernel is its stride."""
    layer = layers.Conv2DTranspose if stages.rank == 2 else layers.Conv3DTranspose
    return layer(
        stages.features[stage],
        stages.strides[stage + 1],
        strides=stages.strides[stage + 1],
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(seed=next(seed)),
    )(tensor)


def merge(
    tensors: Sequence[KerasTensor], stages: NetworkStages, stage: int, seed: Iterator[int]
) -> KerasTensor:
    """The two convolutions of a stage on the way up, of all tensors together."""
    filters, kernel = stages.features[stage], stages.kernels[stage]
    tensor = layers.Concatenate()(list(tensors))
    return unit(unit(tensor, filters, kernel, seed), filters, kernel, seed)


def voxel_logits(
    tensor: KerasTensor, classes: int, seed: Iterator[int], name: str = LOGITS
) -> KerasTensor:
    """Logits of each voxel, float32 `[B, ..., K]` in any precision."""
    layer = layers.Conv2D if spatial_rank(tensor) == 2 else layers.Conv3D
    return layer(
        classes,
        1,
        dtype="float32",
        kernel_initializer=keras.initializers.GlorotUniform(seed=next(seed)),
        name=name,
    )(tensor)


def assemble(
    image: KerasTensor,
    features: Sequence[KerasTensor],
    classes: int,
    seed: Iterator[int],
    name: str,
) -> keras.Model:
    """A model with logits of each of the features: layers `logits`, `logits_1`, ..."""
    names = [LOGITS, *(f"{LOGITS}_{level}" for level in range(1, len(features)))]
    logits = [
        voxel_logits(part, classes, seed, name) for part, name in zip(features, names, strict=True)
    ]
    return keras.Model(image, logits if len(logits) > 1 else logits[0], name=name)
