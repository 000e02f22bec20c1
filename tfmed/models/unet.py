"""U-Nets with a plain or residual encoder, or gated skips, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Unpack

import keras
from keras import KerasTensor, layers

from tfmed.models.blocks import convolution, require_no_imagenet
from tfmed.models.blocks import seeds as seed_stream
from tfmed.models.unet_blocks import (
    NetworkStages,
    SegmenterOptions,
    assemble,
    enlarge,
    merge,
    shrink,
    shrink_residual,
)

# (skip, features from below, seeds) to features of the skip's shape.
Gate = Callable[[KerasTensor, KerasTensor, Iterator[int]], KerasTensor]


def unet(
    channels: int, classes: int, stages: NetworkStages, **options: Unpack[SegmenterOptions]
) -> keras.Model:
    """The U-Net (O. Ronneberger et al., 2015) in the form of nnU-Net (F. Isensee et al., 2021).

    Two convolutions a stage on both sides, each with instance normalisation and a leaky
    rectifier; strided convolutions down, transposed convolutions up. With `deep_supervision`
    every stage but the two lowest has logits. Args: see `models.build_segmenter`.
    """
    return _unet(channels, classes, stages, shrink, **options)


def residual_unet(
    channels: int, classes: int, stages: NetworkStages, **options: Unpack[SegmenterOptions]
) -> keras.Model:
    """As `unet`, with a residual block (He 2016) in each stage of the encoder."""
    return _unet(channels, classes, stages, shrink_residual, **options)


def attention_unet(
    channels: int, classes: int, stages: NetworkStages, **options: Unpack[SegmenterOptions]
) -> keras.Model:
    """As `unet`, with a gate at every skip connection (O. Oktay et al., 2018, arXiv:1804.03999)."""
    return _unet(channels, classes, stages, shrink, _attention, **options)


def _unet(
    channels: int,
    classes: int,
    stages: NetworkStages,
    block: Callable[..., KerasTensor],
    gate: Gate | None = None,
    **options: Unpack[SegmenterOptions],
) -> keras.Model:
    require_no_imagenet(options["name"], options["weights"])
    stream = seed_stream(options["seed"])
    image = keras.Input((*[None] * stages.rank, channels), name="image")
    tensor, skips = image, []
    for stage in range(len(stages)):
        tensor = block(tensor, stages, stage, stream)
        skips.append(tensor)
    found = ascend(skips, stages, stream, options["deep_supervision"], gate)
    return assemble(image, found, classes, stream, options["name"])


def _attention(skip: KerasTensor, asking: KerasTensor, seed: Iterator[int]) -> KerasTensor:
    """The skip's features, each voxel times a share between 0 and 1.

    The share comes from both tensors at the skip's size. The paper computes it at the size of the
    coarser features and interpolates it; volumes have no interpolation in TFLite.
    """
    width = max(1, int(skip.shape[-1]) // 2)
    both = [
        convolution(skip, width, 1, next(seed)),
        convolution(asking, width, 1, next(seed), bias=True),
    ]
    joint = layers.Activation("relu")(layers.Add()(both))
    share = layers.Activation("sigmoid")(convolution(joint, 1, 1, next(seed), bias=True))
    return layers.Multiply()([skip, share])


def ascend(
    skips: Sequence[KerasTensor],
    stages: NetworkStages,
    seed: Iterator[int],
    deep_supervision: bool,
    gate: Gate | None = None,
) -> list[KerasTensor]:
    """The way up, from each stage's features; those that get logits, finest first.

    Args:
        skips: features of every stage on the way down.
        stages: of the network.
        seed: of first weights.
        deep_supervision: every stage but the two lowest gets logits (the lowest but one would
            weigh nothing in nnU-Net's loss), else the finest alone.
        gate: what a skip goes through before it is joined; None: nothing.
    """
    tensor = skips[-1]
    found: list[KerasTensor] = []
    for stage in reversed(range(len(stages) - 1)):
        up, skip = enlarge(tensor, stages, stage, seed), skips[stage]
        tensor = merge([up, gate(skip, up, seed) if gate else skip], stages, stage, seed)
        found.insert(0, tensor)
    return found[: max(1, len(found) - 1)] if deep_supervision else found[:1]
