"""Augmentation by worse images: noise and missing parts; one set of parameters an image."""

from __future__ import annotations

import tensorflow as tf

from tfmed.transforms.draws import fold, on_some, per_image, uniform


def noise(
    image: tf.Tensor, seed: tf.Tensor, *, amount: float, probability: float = 1.0
) -> tf.Tensor:
    """Add Gaussian noise whose standard deviation is drawn from 0 to `amount`.

    Args:
        image: float32 `[B, ...]`; nothing is clipped.
        seed: int32 `[2]`.
        amount: the largest standard deviation.
        probability: of each image to be changed.
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        std = uniform(fold(seed, 0), tf.shape(image)[0], 0.0, amount)
        grain = tf.random.stateless_normal(tf.shape(image), fold(seed, 1))
        return image + grain * per_image(std, image)

    return on_some(image, seed, probability, change)


def erase(
    image: tf.Tensor, seed: tf.Tensor, *, amount: float, probability: float = 1.0
) -> tf.Tensor:
    """Fill one random box of each image with the image's mean.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`.
        seed: int32 `[2]`.
        amount: the largest side of the box, as a share of the image's side; sides are drawn
            apart, from a quarter of that up.
        probability: of each image to be changed.

    Source: Zhong et al., "Random Erasing Data Augmentation", AAAI 2020 (there with random
    pixels; the mean keeps the image's statistics).
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        count, rank = tf.shape(image)[0], image.shape.rank
        inside = tf.ones([count] + [1] * (rank - 1), tf.bool)
        for axis in range(1, rank - 1):
            length = tf.shape(image)[axis]
            extent = tf.cast(length, tf.float32)
            side = uniform(fold(seed, 2 * axis), count, amount / 4, amount) * extent
            start = uniform(fold(seed, 2 * axis + 1), count, 0.0, 1.0) * (extent - side)
            place = tf.cast(tf.range(length), tf.float32) + 0.5
            shape = [-1 if other == axis else 1 for other in range(rank)]
            place = tf.reshape(place, shape)
            start, side = per_image(start, image), per_image(side, image)
            inside &= (place >= start) & (place < start + side)
        mean = tf.reduce_mean(image, list(range(1, rank)), keepdims=True)
        return tf.where(inside, mean, image)

    return on_some(image, seed, probability, change)
