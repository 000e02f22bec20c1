"""Losses of voxels and regions: cross-entropy, Dice, Tversky and their kin."""

from __future__ import annotations

from typing import Unpack

import tensorflow as tf

from tfmed.losses.targets import TargetOptions, masks, prepare

SMOOTH = 1e-5


def voxel_cross_entropy(
    targets: tf.Tensor, logits: tf.Tensor, **options: Unpack[TargetOptions]
) -> tf.Tensor:
    """Cross-entropy, the mean over the known voxels, in nats; see the package.

    Returns:
        `[B]`; 0 for an example without a known voxel.
    """
    targets, logits, known = prepare(targets, logits, **options)
    if options.get("multi_label", False):
        terms = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
    else:
        # One kernel, which keeps what the gradient needs.
        terms = tf.nn.softmax_cross_entropy_with_logits(targets, logits)[..., None]
        known = known[..., :1]
    axes = range(1, len(terms.shape))
    total = tf.reduce_sum(tf.where(known, terms, 0.0), axis=axes)
    return tf.math.divide_no_nan(total, tf.reduce_sum(tf.cast(known, tf.float32), axis=axes))


def dice(
    targets: tf.Tensor,
    logits: tf.Tensor,
    batch: bool = False,
    smooth: float = SMOOTH,
    **options: Unpack[TargetOptions],
) -> tf.Tensor:
    """Soft Dice loss: 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth), mean of classes.

    With `batch`, sums run over the whole batch (of one replica), and every example has its loss;
    for `smooth`, see the package on absent classes. Gives `[B]`, 0 to 1. Source: F. Milletari et
    al., V-Net (2016), without their squares; equal to MONAI's DiceLoss.
    """
    index = _tversky_index(targets, logits, (0.5, 0.5), batch, smooth / 2, **options)
    return tf.reduce_mean(1 - index, axis=-1)


def dice_cross_entropy(
    targets: tf.Tensor,
    logits: tf.Tensor,
    batch: bool = False,
    smooth: float = SMOOTH,
    **options: Unpack[TargetOptions],
) -> tf.Tensor:
    """Dice without background plus cross-entropy, 1 to 1 (F. Isensee et al., nnU-Net, 2021).

    Args and result are those of `dice`.
    """
    overlap = dice(targets, logits, batch, smooth, **options)
    return overlap + voxel_cross_entropy(targets, logits, **options)


def tversky(
    targets: tf.Tensor,
    logits: tf.Tensor,
    alpha: float = 0.3,
    beta: float = 0.7,
    batch: bool = False,
    smooth: float = SMOOTH,
    **options: Unpack[TargetOptions],
) -> tf.Tensor:
    """Tversky loss: Dice with prices of its own for false voxels of both kinds.

    1 - (tp + smooth) / (tp + alpha fp + beta fn + smooth), mean of the classes. Source: S. Salehi
    et al. (2017), arXiv:1706.05721, whose 0.3 and 0.7 favour finding all of a small lesion.
    `alpha` is the price of a false positive voxel, `beta` that of a false negative one; all else
    is as in `dice`.
    """
    index = _tversky_index(targets, logits, (alpha, beta), batch, smooth, **options)
    return tf.reduce_mean(1 - index, axis=-1)


def focal_tversky(
    targets: tf.Tensor,
    logits: tf.Tensor,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 0.75,
    **options: Unpack[TargetOptions],
) -> tf.Tensor:
    """Focal Tversky loss: each class' Tversky loss to the power gamma, mean of the classes.

    With `gamma` below 1, classes that are nearly right count more than in `tversky`, of which all
    else is. Source: N. Abraham, N. Khan (2019), arXiv:1810.07842, where gamma is 1 / (4/3).
    """
    index = _tversky_index(targets, logits, (alpha, beta), False, SMOOTH, **options)
    # The floor keeps the power's gradient finite where the overlap is perfect.
    return tf.reduce_mean(tf.maximum(1 - index, 1e-7) ** gamma, axis=-1)


def _tversky_index(
    targets: tf.Tensor,
    logits: tf.Tensor,
    prices: tuple[float, float],
    batch: bool,
    smooth: float,
    **options: Unpack[TargetOptions],
) -> tf.Tensor:
    """(tp + smooth) / (tp + alpha fp + beta fn + smooth) of each class, `[B, K]`."""
    truth, found = masks(targets, logits, **options)
    axes = range(0 if batch else 1, len(found.shape) - 1)
    both = tf.reduce_sum(truth * found, axis=axes)
    false_positive = tf.reduce_sum(found, axis=axes) - both
    false_negative = tf.reduce_sum(truth, axis=axes) - both
    alpha, beta = prices
    below = both + alpha * false_positive + beta * false_negative + smooth
    index = (both + smooth) / below
    return tf.broadcast_to(index, (tf.shape(found)[0], found.shape[-1])) if batch else index
