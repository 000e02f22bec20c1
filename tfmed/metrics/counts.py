"""Counts of right and wrong voxels that add up over examples, batches and replicas.

A mean of Dice over batches depends on how the examples were dealt out; sums of counts do not. So
a validation that runs on several devices adds the counts (`tf.distribute.ReduceOp.SUM`) and takes
Dice of the total.
"""

from __future__ import annotations

from typing import Unpack

import tensorflow as tf

from tfmed.losses.targets import TargetOptions, prepare


def count(targets: tf.Tensor, logits: tf.Tensor, **options: Unpack[TargetOptions]) -> tf.Tensor:
    """True positive, false positive and false negative voxels of each example and class.

    Args:
        targets: whole numbers `[B, ...]` or one-hot `[B, ..., K]`, as `losses` takes them;
            voxels that are not known are not counted.
        logits: `[B, ..., K]`; the largest is called, or with `multi_label` those above 0.
        **options: see `losses.targets.TargetOptions`; `background` is of no concern.

    Returns:
        int64 `[B, K, 3]`: exact, where float32 sums lose voxels above 16 million.
    """
    truth, values, known = prepare(targets, logits, **options)
    if options.get("multi_label", False):
        found = values > 0
    else:
        found = tf.one_hot(tf.argmax(values, axis=-1), values.shape[-1], True, False)
    truth = truth > 0.5
    pairs = (truth & found, ~truth & found, truth & ~found)
    axes = range(1, len(values.shape) - 1)
    sums = [tf.reduce_sum(tf.cast(pair & known, tf.int32), axis=axes) for pair in pairs]
    return tf.cast(tf.stack(sums, axis=-1), tf.int64)


def dice(counts: tf.Tensor) -> tf.Tensor:
    """Dice of each class from sums of counts.

    Args:
        counts: `[..., K, 3]`, true positives, false positives and false negatives.

    Returns:
        float32 `[..., K]`; NaN, undefined, for a class that is neither there nor called.
    """
    right, wrong = 2 * counts[..., 0], counts[..., 1] + counts[..., 2]
    share = tf.cast(right / tf.maximum(right + wrong, 1), tf.float32)
    return tf.where(right + wrong > 0, share, float("nan"))
