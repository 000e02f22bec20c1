"""Random numbers that depend on a seed alone, one draw an image.

Every function takes an int32 `[2]` seed and keeps no state, so that the batch of a step is a
pure function of (seed, step) and a resumed run sees what an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def fold(seed: tf.Tensor, number: int) -> tf.Tensor:
    """A new seed `[2]` from a seed and a number: other numbers, independent draws."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def uniform(seed: tf.Tensor, count: tf.Tensor, low: float, high: float) -> tf.Tensor:
    """Numbers `[count]`, uniform between `low` and `high`; exactly `low` where they are equal."""
    return tf.random.stateless_uniform([count], seed) * (high - low) + low


def chance(seed: tf.Tensor, count: tf.Tensor, probability: float) -> tf.Tensor:
    """Booleans `[count]`, each true with `probability` (0: never, 1: always)."""
    return tf.random.stateless_uniform([count], seed) < probability


def per_image(values: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Reshape `[B]` to `[B, 1, ..., 1]`, so that it broadcasts over `image`."""
    return tf.reshape(values, [-1] + [1] * (image.shape.rank - 1))


def on_some(
    given: Any, seed: tf.Tensor, probability: float, change: Callable[[Any, tf.Tensor], Any]
) -> Any:
    """Change some images of a batch, each with `probability`; the others are not computed.

    Args:
        given: the images `[B, ...]`, or a tuple of them and their masks.
        seed: int32 `[2]`.
        probability: of each image to be changed.
        change: takes the chosen ones `[b, ...]`, at least one, and a seed, and returns them
            changed, of the same shapes.

    Returns:
        As given.
    """
    if probability >= 1:
        return change(given, fold(seed, 1))
    count = tf.shape(tf.nest.flatten(given)[0])[0]
    chosen = tf.where(chance(fold(seed, 0), count, probability))

    def some(whole: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.gather(whole, chosen[:, 0]), [None, *whole.shape[1:]])

    def changed() -> Any:
        made = change(tf.nest.map_structure(some, given), fold(seed, 1))
        return tf.nest.map_structure(
            lambda whole, part: tf.tensor_scatter_nd_update(whole, chosen, part), given, made
        )

    return tf.cond(tf.size(chosen) > 0, changed, lambda: given)
