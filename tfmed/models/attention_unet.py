"""The attention U-Net: skip connections that pass on what the coarser features ask for."""

from __future__ import annotations

from collections.abc import Iterator

import keras
from keras import KerasTensor, layers

from tfmed.models.blocks import convolution, require_no_imagenet
from tfmed.models.blocks import seeds as seed_stream
from tfmed.models.unet import ascend
from tfmed.models.unet_blocks import NetworkStages, assemble, shrink


def attention_unet(
    channels: int,
    classes: int,
    stages: NetworkStages,
    *,
    name: str = "attention_unet",
    deep_supervision: bool = False,
    weights: str = "none",
    seed: int = 0,
) -> keras.Model:
    """As `unet`, with a gate at every skip connection (O. Oktay et al., 2018, arXiv:1804.03999).

    Args: see `models.build_segmenter`.
    """
    require_no_imagenet(name, weights)
    stream = seed_stream(seed)
    image = keras.Input((*[None] * stages.rank, channels), name="image")
    tensor, skips = image, []
    for stage in range(len(stages)):
        tensor = shrink(tensor, stages, stage, stream)
        skips.append(tensor)
    found = ascend(skips, stages, stream, deep_supervision, gate=_gate)
    return assemble(image, found, classes, stream, name)


def _gate(skip: KerasTensor, asking: KerasTensor, seed: Iterator[int]) -> KerasTensor:
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
