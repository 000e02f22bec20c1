"""What is asked of a segmentation, as losses take it: targets, probabilities, what is known."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy as np
import tensorflow as tf

from tfmed.errors import DataError

IGNORED = -1


class TargetOptions(TypedDict, total=False):
    """What every loss takes by name.

    Attributes:
        multi_label: classes do not exclude each other (one sigmoid each, targets one-hot); there
            is then no background class.
        background: class 0 counts as the others do; of no concern to cross-entropy.
        ignored_label: the whole number that marks voxels of unknown class, -1 unless told.
    """

    multi_label: bool
    background: bool
    ignored_label: int


def prepare(
    targets: tf.Tensor, logits: tf.Tensor, **options: Unpack[TargetOptions]
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Targets as float32 `[..., K]`, logits as float32, and which are known.

    The last is bool `[..., K]`, or `[..., 1]` where it is the same for all classes.
    """
    targets, logits = tf.convert_to_tensor(targets), tf.cast(logits, tf.float32)
    classes, axes = logits.shape[-1], len(logits.shape)
    if classes == 1 and not options.get("multi_label", False):
        raise DataError("logits have one class; expected two and more, or multi_label=True")
    if len(targets.shape) == axes - 1:
        labels = tf.cast(targets, tf.int32)[..., None]
        known = labels != options.get("ignored_label", IGNORED)
        wrong = known & ((labels < 0) | (labels >= classes))
        # Added, because a choice between NaN and the logits would cost a pass of the gradient.
        logits += tf.where(wrong, np.float32(np.nan), np.float32(0))
        return tf.one_hot(labels[..., 0], classes), logits, known
    if len(targets.shape) != axes or targets.shape[-1] != classes:
        raise DataError(
            f"targets have shape {tuple(targets.shape)} and logits {tuple(logits.shape)}; expected "
            "labels without the last axis, or one-hot ones of the same shape"
        )
    targets = tf.cast(targets, tf.float32)
    known = tf.logical_not(tf.math.is_nan(targets))
    if not options.get("multi_label", False):
        known = tf.reduce_all(known, axis=-1, keepdims=True)
    # Before any arithmetic: a NaN that is masked only afterwards makes the gradient NaN.
    return tf.where(known, targets, 0.0), logits, known


def masks(
    targets: tf.Tensor, logits: tf.Tensor, **options: Unpack[TargetOptions]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Targets and probabilities of the classes that count, 0 in both where not known."""
    multi_label = options.get("multi_label", False)
    targets, logits, known = prepare(targets, logits, **options)
    found = tf.nn.sigmoid(logits) if multi_label else tf.nn.softmax(logits)
    first = 0 if multi_label or options.get("background", False) else 1
    counts = tf.cast(known, tf.float32)
    return (targets * counts)[..., first:], (found * counts)[..., first:]
