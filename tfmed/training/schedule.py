"""The learning rate over the steps, and how many steps a time budget allows."""

from __future__ import annotations

import math

import tensorflow as tf

RESERVE_SHARE = 0.05


def learning_rate(
    step: tf.Tensor | int, total: tf.Tensor | int, peak: float, warmup_share: float
) -> tf.Tensor:
    """Linear warm-up to `peak`, then half a cosine down to nearly 0 at the last step.

    A pure function of the step and the horizon. Where the horizon is only known later (a time
    budget), `total` is all epochs' steps until then, so that the first steps are a slow warm-up.

    Args:
        step: steps already done, from 0.
        total: the horizon: all steps of the training.
        peak: the largest value.
        warmup_share: share of the horizon that the rise takes; at least one step.

    Returns:
        float32 scalar, always more than 0 before the horizon.
    """
    done = tf.cast(step, tf.float32)
    end = tf.maximum(tf.cast(total, tf.float32), 1.0)
    warm = tf.maximum(tf.round(end * warmup_share), 1.0)
    fall = tf.clip_by_value((done + 1.0 - warm) / tf.maximum(end + 1.0 - warm, 1.0), 0.0, 1.0)
    cosine = 0.5 * (1.0 + tf.cos(math.pi * fall))
    return peak * tf.minimum((done + 1.0) / warm, cosine)


def steps_that_fit(
    seconds: float, step_seconds: float, epoch_seconds: float, epoch_steps: int
) -> int:
    """Steps that can be done in the time left, with 5 % kept in reserve.

    Args:
        seconds: time left.
        step_seconds: time of one step.
        epoch_seconds: time at each epoch's end, for validation and backup.
        epoch_steps: steps an epoch.

    Returns:
        At least 1.

    Example:
        >>> steps_that_fit(100.0, step_seconds=0.5, epoch_seconds=45.0, epoch_steps=50)
        70
    """
    left = seconds * (1.0 - RESERVE_SHARE)
    whole = math.floor(left / (epoch_steps * step_seconds + epoch_seconds))
    rest = left - whole * (epoch_steps * step_seconds + epoch_seconds) - epoch_seconds
    part = min(math.floor(max(rest, 0.0) / step_seconds), epoch_steps)
    return max(whole * epoch_steps + part, 1)
