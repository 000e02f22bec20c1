"""Mirrored images, exactly, and their masks alike."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.transforms.draws import chance, fold, per_image


def mirror(
    image: tf.Tensor,
    mask: tf.Tensor | None,
    seed: tf.Tensor,
    *,
    axes: Sequence[int],
    probability: float = 0.5,
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Reverse each image, and its mask alike, along each of some axes by its own draw.

    Args:
        image: float32 `[B, *patch, C]`.
        mask: int32 `[B, *patch]`, or None.
        seed: int32 `[2]`.
        axes: of the patch, from 0.
        probability: of each image and axis.
    """
    count = image.shape.rank - 2
    for axis in axes:
        if not 0 <= axis < count:
            raise ConfigError(f"mirror: a patch has axes 0 to {count - 1}, not {axis}")
        turned = chance(fold(seed, axis), tf.shape(image)[0], probability)
        image = tf.where(per_image(turned, image), tf.reverse(image, [axis + 1]), image)
        if mask is not None:
            mask = tf.where(per_image(turned, mask), tf.reverse(mask, [axis + 1]), mask)
    return image, mask


def flip(
    image: tf.Tensor,
    mask: tf.Tensor | None,
    seed: tf.Tensor,
    *,
    axis: int,
    probability: float = 0.5,
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Reverse each image along one axis, which is counted as in its shape: 1 is the first.

    Args:
        image: as in `mirror`.
        mask: as in `mirror`.
        seed: int32 `[2]`.
        axis: below 0 it is counted from the end; those of batch and channels are refused.
        probability: of each image to be reversed.
    """
    axes = image.shape.rank
    place = axis if axis >= 0 else axis + axes
    if not 1 <= place < axes - 1:
        raise ConfigError(f"flip: axis must be one of 1..{axes - 2}, not {axis}")
    return mirror(image, mask, seed, axes=[place - 1], probability=probability)
