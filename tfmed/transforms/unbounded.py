"""Changes of intensity that know no range: for normalised images, whose values have none."""

from __future__ import annotations

import math

import tensorflow as tf

from tfmed.transforms.draws import on_some, per_image, uniform


def brightness(
    image: tf.Tensor, seed: tf.Tensor, *, amount: float, probability: float = 0.15
) -> tf.Tensor:
    """Multiply each image by a factor from `1 - amount` to `1 + amount`.

    Args:
        image: float32 `[B, ...]`.
        seed: int32 `[2]`.
        amount: the largest change, 0 to 1.
        probability: of each image to be changed.
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return image * per_image(uniform(seed, tf.shape(image)[0], 1 - amount, 1 + amount), image)

    return on_some(image, seed, probability, change)


def gamma(
    image: tf.Tensor,
    seed: tf.Tensor,
    *,
    power: tuple[float, float] = (0.7, 1.5),
    inverted: bool = False,
    probability: float = 0.3,
) -> tf.Tensor:
    """Bend each image's values between its own ends by a power, and keep its mean and spread.

    Args:
        image: float32 `[B, ...]`.
        seed: int32 `[2]`.
        power: the least and the most; drawn evenly in its logarithm.
        inverted: bend the negative, which changes bright parts as else dark ones.
        probability: of each image to be changed.

    Source: the gamma augmentation of nnU-Net (Isensee et al., Nature Methods 2021).
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        ends = math.log(power[0]), math.log(power[1])
        exponent = per_image(tf.exp(uniform(seed, tf.shape(image)[0], *ends)), image)
        values = -image if inverted else image
        axes = list(range(1, image.shape.rank))
        low = tf.reduce_min(values, axes, keepdims=True)
        high = tf.reduce_max(values, axes, keepdims=True)
        bent = tf.pow(tf.math.divide_no_nan(values - low, high - low), exponent)
        mean, spread = _moments(values, axes)
        own_mean, own_spread = _moments(bent, axes)
        bent = (bent - own_mean) * tf.math.divide_no_nan(spread, own_spread) + mean
        return -bent if inverted else bent

    return on_some(image, seed, probability, change)


def _moments(values: tf.Tensor, axes: list[int]) -> tuple[tf.Tensor, tf.Tensor]:
    mean, variance = tf.nn.moments(values, axes, keepdims=True)
    return mean, tf.sqrt(variance)
