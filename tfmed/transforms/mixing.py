"""MixUp: convex mixtures of images and their targets."""

from __future__ import annotations

import tensorflow as tf

from tfmed.transforms.draws import fold, per_image


def mixup(
    image: tf.Tensor, target: tf.Tensor, seed: tf.Tensor, alpha: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mix each image, and its target, with the one before it in the batch.

    The share of an image is drawn from Beta(alpha, alpha) for each image, and the larger share
    stays its own, so that an example's weight still describes it. A target that is unknown
    (NaN) in one of the two is unknown in the mixture.

    Args:
        image: float32 `[B, ...]`.
        target: float32 `[B, K]`.
        seed: int32 `[2]`.
        alpha: above 0; small values mix little.

    Returns:
        The mixed images and targets, shapes unchanged.

    Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.
    """
    count = tf.shape(image)[0]
    first = tf.random.stateless_gamma([count], fold(seed, 0), alpha)
    second = tf.random.stateless_gamma([count], fold(seed, 1), alpha)
    # With a tiny alpha both draws may be 0 in float32; half and half is then as good as any.
    share = tf.where(first + second > 0, tf.math.divide_no_nan(first, first + second), 0.5)
    share = tf.maximum(share, 1 - share)
    others = tf.roll(image, 1, axis=0), tf.roll(target, 1, axis=0)

    def mix(own: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        part = per_image(share, own)
        return part * own + (1 - part) * other

    return mix(image, others[0]), mix(target, others[1])
