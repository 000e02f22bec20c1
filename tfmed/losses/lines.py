"""Losses of centre lines, which keep vessels and fibres connected."""

from __future__ import annotations

from typing import Unpack

import tensorflow as tf

from tfmed.losses.overlap import dice
from tfmed.losses.targets import TargetOptions, masks


def cl_dice(
    targets: tf.Tensor,
    logits: tf.Tensor,
    iterations: int = 3,
    smooth: float = 1.0,
    **options: Unpack[TargetOptions],
) -> tf.Tensor:
    """Soft centreline Dice loss, which keeps tubes connected; mean of the classes.

    One less the harmonic mean of two shares: of the predicted centre line inside the truth, and
    of the true centre line inside the prediction. It is blind to the tubes' width, so train with
    `dice_cl_dice`. Source: S. Shit et al., clDice (2021), arXiv:2003.07311.

    Args:
        targets: see the package; ignored voxels are background in both masks.
        logits: see the package.
        iterations: of the skeleton: the largest radius of a tube in voxels, or more.
        smooth: added above and below in both shares.
        **options: see `TargetOptions`.

    Returns:
        `[B]`, 0 to 1.
    """
    truth, found = masks(targets, logits, **options)
    axes = range(1, len(found.shape) - 1)
    true_line, found_line = (soft_skeleton(mask, iterations) for mask in (truth, found))

    def inside(line: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        above = tf.reduce_sum(line * mask, axis=axes) + smooth
        return above / (tf.reduce_sum(line, axis=axes) + smooth)

    precision, recall = inside(found_line, truth), inside(true_line, found)
    return tf.reduce_mean(1 - 2 * precision * recall / (precision + recall), axis=-1)


def dice_cl_dice(
    targets: tf.Tensor,
    logits: tf.Tensor,
    share: float = 0.5,
    iterations: int = 3,
    **options: Unpack[TargetOptions],
) -> tf.Tensor:
    """Dice and clDice together: (1 - share) Dice + share clDice, the loss of the clDice paper.

    `share` is 0 to 1/2 in the paper; all else is as in `cl_dice`.
    """
    lines = cl_dice(targets, logits, iterations, **options)
    return (1 - share) * dice(targets, logits, **options) + share * lines


def soft_skeleton(mask: tf.Tensor, iterations: int) -> tf.Tensor:
    """The centre lines of a soft mask: what opening takes away, at each depth of erosion.

    Args:
        mask: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, 0 to 1.
        iterations: how many voxels deep it looks.

    Returns:
        As the mask.
    """
    eroded = _erode(mask)
    skeleton = tf.nn.relu(mask - _dilate(eroded))
    for _ in range(iterations):
        mask, eroded = eroded, _erode(eroded)
        line = tf.nn.relu(mask - _dilate(eroded))
        skeleton = skeleton + tf.nn.relu(line - skeleton * line)
    return skeleton


def _erode(mask: tf.Tensor) -> tf.Tensor:
    """The least of each voxel and its neighbours that share a face with it."""
    least = mask
    for axis in range(len(mask.shape) - 2):
        least = tf.minimum(least, -_most(-mask, axis))
    return least


def _dilate(mask: tf.Tensor) -> tf.Tensor:
    """The most of each voxel and all voxels around it."""
    for axis in range(len(mask.shape) - 2):
        mask = _most(mask, axis)
    return mask


def _most(mask: tf.Tensor, axis: int) -> tf.Tensor:
    """The most of each voxel and its two neighbours along a spatial axis."""
    axes = len(mask.shape) - 2
    window = [3 if of == axis else 1 for of in range(axes)]
    # With three axes the gradient fails outside of a graph where the format is not told.
    return tf.nn.max_pool(mask, window, 1, "SAME", "NHWC" if axes == 2 else "NDHWC")
