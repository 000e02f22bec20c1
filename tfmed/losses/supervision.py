"""Losses at several depths of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def supervised(
    loss: Loss, targets: tf.Tensor, logits: tf.Tensor | Sequence[tf.Tensor]
) -> tf.Tensor:
    """A loss of masks over a network's outputs at several depths.

    An output that is n times shorter than the targets weighs 1/n of one of full size, and all
    weights sum to 1: 4/7, 2/7 and 1/7 where every depth halves, as in nnU-Net, and equal weights
    where all have full size, as in U-Net++. Its targets are those of the nearest voxels.

    Args:
        loss: of `tfmed.losses`, of masks.
        targets: whole numbers `[B, ...]` or one-hot `[B, ..., K]`.
        logits: `[B, ..., K]`, finest first, each side that of the targets or a whole number of
            times shorter; or one tensor.

    Returns:
        `[B]`.
    """
    if not isinstance(logits, list | tuple):
        return loss(targets, logits)
    targets = tf.convert_to_tensor(targets)
    steps = [_steps(targets, level) for level in logits]
    weights = [1 / tf.cast(tf.reduce_max(step), tf.float32) for step in steps]
    terms = [
        weight * loss(shrunk(targets, level), level)
        for weight, level in zip(weights, logits, strict=True)
    ]
    return tf.add_n(terms) / tf.add_n(weights)


def shrunk(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Targets at the size of logits: of each block of voxels the one behind its middle.

    Args:
        targets: `[B, ...]` or `[B, ..., K]`.
        logits: `[B, ..., K]`.
    """
    for axis, step in enumerate(_steps(targets, logits), 1):
        # Shapes that the graph knows spare it a gather.
        if isinstance(step, int):
            targets = targets[(*(slice(None),) * axis, slice(step // 2, None, step))]
        else:
            middles = tf.range(tf.shape(logits)[axis]) * step + step // 2
            targets = tf.gather(targets, middles, axis=axis)
    return targets


def _steps(targets: tf.Tensor, logits: tf.Tensor) -> list[tf.Tensor | int]:
    """How many times longer the targets are, along each axis; a number where the graph knows."""
    steps: list[tf.Tensor | int] = []
    for axis in range(1, len(logits.shape) - 1):
        long, short = targets.shape[axis], logits.shape[axis]
        if long is None or short is None:
            long, short = tf.shape(targets)[axis], tf.shape(logits)[axis]
        steps.append(long // short)
    return steps
