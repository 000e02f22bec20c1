"""Augmentation by worse images: noise, blur and missing parts.

Images are in 0..1, after the window and before standardising; one set of parameters an image.
"""

from __future__ import annotations

import tensorflow as tf

from tfmed.transforms.draws import fold, on_some, per_image, uniform


def noise(
    image: tf.Tensor, seed: tf.Tensor, *, amount: float, probability: float = 1.0
) -> tf.Tensor:
    """Add Gaussian noise whose standard deviation is drawn from 0 to `amount`.

    Args:
        image: float32 `[B, ...]` in 0..1; the noise is not clipped.
        seed: int32 `[2]`.
        amount: the largest standard deviation.
        probability: of each image to be changed.
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        std = uniform(fold(seed, 0), tf.shape(image)[0], 0.0, amount)
        grain = tf.random.stateless_normal(tf.shape(image), fold(seed, 1))
        return image + grain * per_image(std, image)

    return on_some(image, seed, probability, change)


def blur(
    image: tf.Tensor, seed: tf.Tensor, *, amount: float, probability: float = 1.0
) -> tf.Tensor:
    """Blur each image, in the plane, by a Gaussian of `amount / 2` to `amount` pixels.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, H and W static.
        seed: int32 `[2]`.
        amount: the largest standard deviation, in pixels.
        probability: of each image to be changed.
    """

    def change(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return gaussian(image, uniform(seed, tf.shape(image)[0], amount / 2, amount), amount)

    return on_some(image, seed, probability, change)


def gaussian(image: tf.Tensor, sigma: tf.Tensor, largest: float) -> tf.Tensor:
    """Convolve each image, in the plane, with a Gaussian of its own.

    The kernel is cut at three of the largest deviations and sums to 1; the image is mirrored at
    its edge.

    Args:
        image: float32 `[B, H, W, C]` or `[B, D, H, W, C]`, H and W static.
        sigma: float32 `[B]`, standard deviations in pixels, above 0.
        largest: the largest of them, as a Python number.
    """
    height, width = image.shape[-3:-1]
    reach = min(max(1, round(3 * largest)), height, width)
    offsets = tf.range(-reach, reach + 1, dtype=tf.float32)
    kernel = tf.exp(-0.5 * tf.square(offsets[:, tf.newaxis] / sigma))
    kernel /= tf.reduce_sum(kernel, axis=0, keepdims=True)
    # Images side by side as channels: one depthwise convolution serves all kernels, at a tenth
    # of the cost of shifting and adding.
    axes = [1, 2, 0, 3] if image.shape.rank == 4 else [2, 3, 0, 1, 4]
    turned = tf.transpose(image, axes)
    flat = tf.reshape(turned, [1, height, width, -1])
    kernel = tf.repeat(kernel, tf.shape(flat)[3] // tf.shape(image)[0], axis=1)
    flat = tf.pad(flat, [[0, 0], [reach, reach], [reach, reach], [0, 0]], "SYMMETRIC")
    flat = tf.nn.depthwise_conv2d(flat, kernel[:, None, :, None], [1] * 4, "VALID")
    flat = tf.nn.depthwise_conv2d(flat, kernel[None, :, :, None], [1] * 4, "VALID")
    back = [axes.index(axis) for axis in range(len(axes))]
    return tf.transpose(tf.reshape(flat, tf.shape(turned)), back)


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
