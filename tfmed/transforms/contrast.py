"""Augmentation by brighter, darker and flatter images; one set of parameters an image."""

from __future__ import annotations

import math

import tensorflow as tf

from tfmed.transforms.draws import on_some, per_image, uniform


def brightness(
    image: tf.Tensor, seed: tf.Tensor, *, amount: float, probability: float = 1.0
) -> tf.Tensor:
    """Multiply each image by a factor from `1 - amount` to `1 + amount`.

    Args:
        image: float32 `[B, ...]`; nothing is clipped.
        seed: int32 `[2]`.
        amount: the largest change, 0 to 1.
        probability: of each image to be changed.
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return image * per_image(uniform(seed, tf.shape(image)[0], 1 - amount, 1 + amount), image)

    return on_some(image, seed, probability, change)


def contrast(
    image: tf.Tensor, seed: tf.Tensor, *, amount: float, probability: float = 1.0
) -> tf.Tensor:
    """Stretch each image about its mean by `1 - amount` to `1 + amount`, within its own range.

    Args:
        image: float32 `[B, ...]`.
        seed: int32 `[2]`.
        amount: the largest change, 0 to 1.
        probability: of each image to be changed.

    Source: the contrast augmentation of nnU-Net (Isensee et al., Nature Methods 2021).
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        factor = uniform(seed, tf.shape(image)[0], 1 - amount, 1 + amount)
        axes = list(range(1, image.shape.rank))
        mean = tf.reduce_mean(image, axes, keepdims=True)
        low = tf.reduce_min(image, axes, keepdims=True)
        high = tf.reduce_max(image, axes, keepdims=True)
        return tf.clip_by_value((image - mean) * per_image(factor, image) + mean, low, high)

    return on_some(image, seed, probability, change)


def gamma(
    image: tf.Tensor,
    seed: tf.Tensor,
    *,
    power: tuple[float, float] = (0.7, 1.5),
    amount: float | None = None,
    inverted: bool = False,
    probability: float = 1.0,
) -> tf.Tensor:
    """Bend each image's values between two ends by a power, drawn evenly in its logarithm.

    The ends are the image's own, and its mean and spread stay, whatever the range of its values.
    With `amount` they are 0 and 1, which stay, and the image becomes darker or brighter.

    Args:
        image: float32 `[B, ...]`; with `amount` in 0..1.
        seed: int32 `[2]`.
        power: the least and the most.
        amount: in place of it powers from `exp(-amount)` to `exp(amount)`: 0.3 gives 0.74 to 1.35.
        inverted: bend the negative, which changes bright parts as else dark ones.
        probability: of each image to be changed.

    Source: without `amount`, nnU-Net (Isensee et al., Nature Methods 2021).
    """
    ends = (-amount, amount) if amount is not None else (math.log(power[0]), math.log(power[1]))

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        exponent = per_image(tf.exp(uniform(seed, tf.shape(image)[0], *ends)), image)
        if amount is not None:
            values = tf.clip_by_value(1 - image if inverted else image, 0.0, 1.0)
            bent = tf.pow(values, exponent)
            return 1 - bent if inverted else bent
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
