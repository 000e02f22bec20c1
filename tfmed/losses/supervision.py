"""Losses at several depths of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def supervision_weights(levels: int) -> tuple[float, ...]:
    """The weights of a network's outputs under deep supervision, finest first; their sum is 1.

    1/2 to the power i, and 0 for the lowest of several (nnU-Net).
    """
    weights = [0.5**level for level in range(levels)]
    if levels > 1:
        weights[-1] = 0.0
    return tuple(weight / sum(weights) for weight in weights)


def supervised(
    loss: Loss, targets: tf.Tensor, logits: tf.Tensor | Sequence[tf.Tensor]
) -> tf.Tensor:
    """A loss of masks over a network's outputs at several depths, by `supervision_weights`.

    At lower levels the targets are those of the nearest voxels. Outputs of weight 0 cost nothing.

    Args:
        loss: of `tfmed.losses`, of masks.
        targets: whole numbers `[B, ...]` or one-hot `[B, ..., K]`, of the size of the first logits.
        logits: `[B, ..., K]`, finest first; or one tensor, without supervision.

    Returns:
        `[B]`.
    """
    if not isinstance(logits, list | tuple):
        return loss(targets, logits)
    weights = supervision_weights(len(logits))
    terms = [
        weight * loss(shrunk(targets, level), level)
        for weight, level in zip(weights, logits, strict=True)
        if weight
    ]
    return tf.add_n(terms)


def shrunk(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Targets at the size of logits: of each block of voxels the one behind its middle.

    Args:
        targets: `[B, ...]` or `[B, ..., K]`; each side a multiple of that of the logits.
        logits: `[B, ..., K]`.
    """
    for axis in range(1, len(logits.shape) - 1):
        step = tf.shape(targets)[axis] // tf.shape(logits)[axis]
        before = (slice(None),) * axis
        targets = targets[(*before, slice(step // 2, None, step))]
    return targets
