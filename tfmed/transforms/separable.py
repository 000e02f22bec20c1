"""Worse images by one small matrix an axis: blur, and the steps of a lower resolution.

Each image has its own matrices, and products with them are what processors do fastest.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from tfmed.transforms.draws import on_some, uniform


def blur(
    image: tf.Tensor,
    seed: tf.Tensor,
    *,
    sigma: tuple[float, float] = (0.5, 1.0),
    amount: float | None = None,
    probability: float = 0.2,
    in_plane: bool = False,
) -> tf.Tensor:
    """Blur each image along all its axes, by a Gaussian of its own.

    At an edge the weights of what lies inside are scaled to sum to 1.

    Args:
        image: float32 `[B, *patch, C]`, patch static.
        seed: int32 `[2]`.
        sigma: the least and the most standard deviation, in voxels.
        amount: in place of `sigma` the most alone, of which the least is half; then in the plane.
        probability: of each image to be changed.
        in_plane: leave slices apart.
    """
    if amount is not None:
        sigma, in_plane = (amount / 2, amount), True

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        widths = uniform(seed, tf.shape(image)[0], *sigma)[:, tf.newaxis, tf.newaxis]

        def matrix(length: int) -> tf.Tensor:
            place = tf.range(length, dtype=tf.float32)
            weights = tf.exp(-0.5 * tf.square((place[:, tf.newaxis] - place) / widths))
            return weights / tf.reduce_sum(weights, axis=2, keepdims=True)

        return _along_axes(image, matrix, in_plane)

    return on_some(image, seed, probability, change)


def low_resolution(
    image: tf.Tensor,
    seed: tf.Tensor,
    *,
    smallest: float = 0.5,
    probability: float = 0.25,
    in_plane: bool = False,
) -> tf.Tensor:
    """Show each image as if it had been taken with larger voxels.

    It is shrunk by a factor of its own, which takes the nearest voxels, and brought back linearly.

    Args:
        image: float32 `[B, *patch, C]`, patch static.
        seed: int32 `[2]`.
        smallest: the least factor, up to 1.
        probability: of each image to be changed.
        in_plane: leave slices apart.
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        factor = uniform(seed, tf.shape(image)[0], smallest, 1.0)[:, tf.newaxis]

        def matrix(length: int) -> tf.Tensor:
            fewer = tf.maximum(tf.round(factor * length), 1.0)
            place = (tf.range(length, dtype=tf.float32) + 0.5) * (fewer / length) - 0.5
            place = tf.clip_by_value(place, 0.0, fewer - 1)
            below = tf.floor(place)
            share = (place - below)[..., tf.newaxis]
            above = tf.minimum(below + 1, fewer - 1)

            def nearest(small: tf.Tensor) -> tf.Tensor:
                number = tf.cast((small + 0.5) * (length / fewer), tf.int32)
                return tf.one_hot(tf.minimum(number, length - 1), length)

            return nearest(below) * (1 - share) + nearest(above) * share

        return _along_axes(image, matrix, in_plane)

    return on_some(image, seed, probability, change)


def _along_axes(image: tf.Tensor, matrix: Callable[[int], tf.Tensor], in_plane: bool) -> tf.Tensor:
    """Multiply by `matrix(length)`, `[B, length, length]`, along each axis of the patch."""
    shape = image.shape
    for axis in range(2 if in_plane and shape.rank == 5 else 1, shape.rank - 1):
        length = shape[axis]
        weights = matrix(length)
        after = math.prod(shape[axis + 1 :])
        if after == 1:
            # A row a product with the turned matrix: one large product instead of many small.
            rows = tf.reshape(image, [tf.shape(image)[0], -1, length])
            found = tf.matmul(rows, weights, transpose_b=True)
        else:
            columns = tf.reshape(image, [tf.shape(image)[0], -1, length, after])
            found = tf.matmul(weights[:, tf.newaxis], columns)
        image = tf.ensure_shape(tf.reshape(found, tf.shape(image)), shape)
    return image
