"""Windows and what follows them: the arithmetic of `Normalisation`.

Part of the exported model: deterministic, and made of operations that TFLite knows.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

# Of each image, in percent: what becomes 0 and 1 where no window is told.
LOWER, UPPER = 0.5, 99.5


def clip_and_scale(image: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Clip to a window and scale it to 0..1.

    Args:
        image: float32, any shape, modality units.
        low: becomes 0, and so does what is below.
        high: becomes 1, and so does what is above.

    Returns:
        float32 of the same shape.
    """
    return (tf.clip_by_value(image, low, high) - low) * (1.0 / (high - low))


def percentile_window(image: tf.Tensor, lower: float = LOWER, upper: float = UPPER) -> tf.Tensor:
    """Scale each image's own percentiles to 0 and 1, and clip there.

    Percentiles are taken over all pixels and channels of an image, by linear interpolation
    between order statistics as `numpy.percentile` does. Only the two tails are sorted.

    Args:
        image: float32 `[B, ...]`.
        lower: the percentile that becomes 0, under 50.
        upper: the percentile that becomes 1, above 50.

    Returns:
        float32 of the same shape, in 0..1; all zeros where the two percentiles are equal.
    """
    pixels = -1 if None in image.shape[1:] else math.prod(image.shape[1:])
    # One of the two lengths may be left to TensorFlow; a static one lets TFLite convert.
    flat = tf.reshape(image, [tf.shape(image)[0] if pixels == -1 else -1, pixels])
    low = -_from_top(-flat, lower / 100)
    high = _from_top(flat, 1 - upper / 100)
    shape = [-1] + [1] * (image.shape.rank - 1)
    low, high = tf.reshape(low, shape), tf.reshape(high, shape)
    scaled = tf.math.divide_no_nan(image - low, high - low)
    return tf.clip_by_value(scaled, 0.0, 1.0)


def _from_top(flat: tf.Tensor, share: float) -> tf.Tensor:
    """The value `[B]` below which all but `share` of the numbers of `flat [B, n]` lie."""
    if flat.shape[1] is not None:
        position = share * (flat.shape[1] - 1)
        below = int(position)
        top = tf.math.top_k(flat, min(below + 2, flat.shape[1])).values
        return top[:, below] + (top[:, -1] - top[:, below]) * (position - below)
    count = tf.shape(flat)[1]
    place = tf.cast(share, tf.float64) * tf.cast(count - 1, tf.float64)
    start = tf.cast(place, tf.int32)
    rest = tf.cast(place - tf.cast(start, tf.float64), tf.float32)
    top = tf.math.top_k(flat, tf.minimum(start + 2, count)).values
    return top[:, start] + (top[:, -1] - top[:, start]) * rest


def standardise(
    image: tf.Tensor, mean: float | tuple[float, ...], std: float | tuple[float, ...]
) -> tf.Tensor:
    """Subtract `mean` and divide by `std`; no operation at all for 0 and 1.

    Args:
        image: float32 `[..., C]`.
        mean: one number, or C of them.
        std: one number, or C of them, not 0.

    Returns:
        float32 of the same shape.
    """
    if mean == 0.0 and std == 1.0:
        return image
    # Multiplied, as the graph optimiser would make of a division: the same bits everywhere.
    factor = tf.constant(1.0 / np.asarray(std), tf.float32)
    return (image - tf.constant(mean, tf.float32)) * factor
