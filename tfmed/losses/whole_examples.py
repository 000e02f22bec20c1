"""Losses on logits: one value an example, stable, and without NaN where a label is unknown.

All take `targets` `[B, K]` (one-hot or soft for exclusive classes; 0..1 a label otherwise,
NaN where unknown) and `logits` `[B, K]`, and give float32 `[B]`; the caller weighs and
averages. Sigmoid losses average over an example's known labels, so that an example with few
labels counts as one with many; with no known label the loss is 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

GAMMA = 2.0


def cross_entropy(
    targets: tf.Tensor,
    logits: tf.Tensor,
    multi_label: bool = False,
    label_smoothing: float = 0.0,
    label_weights: Sequence[float] | None = None,
) -> tf.Tensor:
    """Cross-entropy: of the softmax, or with `multi_label` of one sigmoid a label.

    Args:
        targets: `[B, K]`.
        logits: `[B, K]`.
        multi_label: labels do not exclude each other.
        label_smoothing: share of a target that is spread evenly (Szegedy 2016), 0 to 1.
        label_weights: `[K]`, how much each label counts; multi-label only.

    Returns:
        `[B]`, in nats.
    """
    known, targets, logits = _known(targets, logits)
    if multi_label:
        targets = targets * (1 - label_smoothing) + label_smoothing / 2
        terms = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits)
        return _mean_over_labels(terms, known, label_weights)
    targets = _smooth_classes(targets, label_smoothing)
    terms = -targets * tf.nn.log_softmax(logits)
    return tf.reduce_sum(tf.where(known, terms, 0.0), axis=-1)


def focal(
    targets: tf.Tensor,
    logits: tf.Tensor,
    multi_label: bool = False,
    label_smoothing: float = 0.0,
    label_weights: Sequence[float] | None = None,
    gamma: float = GAMMA,
) -> tf.Tensor:
    """Focal loss (Lin 2017): cross-entropy times `(1 - p) ** gamma`, p of the true class.

    Examples that are already right count less. Soft targets mix the losses of the classes.

    Args:
        targets: `[B, K]`.
        logits: `[B, K]`.
        multi_label: labels do not exclude each other.
        label_smoothing: as in `cross_entropy`.
        label_weights: as in `cross_entropy`.
        gamma: 0 is cross-entropy; the paper's 2 by default.

    Returns:
        `[B]`.
    """
    known, targets, logits = _known(targets, logits)
    if multi_label:
        targets = targets * (1 - label_smoothing) + label_smoothing / 2
        yes, no = tf.math.log_sigmoid(logits), tf.math.log_sigmoid(-logits)
        terms = -targets * tf.exp(gamma * no) * yes - (1 - targets) * tf.exp(gamma * yes) * no
        return _mean_over_labels(terms, known, label_weights)
    targets = _smooth_classes(targets, label_smoothing)
    log_p = tf.nn.log_softmax(logits)
    # The floor keeps the power's gradient finite where p is 1 to the last bit.
    rest = tf.maximum(-tf.math.expm1(log_p), 1e-12)
    terms = -targets * rest**gamma * log_p
    return tf.reduce_sum(tf.where(known, terms, 0.0), axis=-1)


def _known(targets: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    targets = tf.cast(targets, tf.float32)
    known = tf.logical_not(tf.math.is_nan(targets))
    # Unknown targets become 0 before any arithmetic: a NaN that is masked only afterwards
    # still makes the gradient NaN.
    return known, tf.where(known, targets, 0.0), tf.cast(logits, tf.float32)


def _smooth_classes(targets: tf.Tensor, label_smoothing: float) -> tf.Tensor:
    share = label_smoothing / tf.cast(tf.shape(targets)[-1], tf.float32)
    return targets * (1 - label_smoothing) + share


def _mean_over_labels(
    terms: tf.Tensor, known: tf.Tensor, label_weights: Sequence[float] | None
) -> tf.Tensor:
    if label_weights is not None:
        terms = terms * tf.constant(label_weights, tf.float32)
    total = tf.reduce_sum(tf.where(known, terms, 0.0), axis=-1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(tf.cast(known, tf.float32), axis=-1))
