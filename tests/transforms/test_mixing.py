"""MixUp: convex, larger share first, unknown stays unknown."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.transforms import mixup

SEED = tf.constant([9, 1], tf.int32)


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 1.0])
def test_image_and_target_are_mixed_by_the_same_share(alpha: float) -> None:
    count = 64
    target = tf.eye(count)
    image = tf.reshape(target, [count, 8, 8, 1])
    mixed, mixed_target = mixup(image, target, SEED, alpha)
    np.testing.assert_allclose(tf.reshape(mixed, [count, -1]), mixed_target, atol=1e-6)
    np.testing.assert_allclose(tf.reduce_sum(mixed_target, 1), 1, atol=1e-6)
    own = np.diag(mixed_target)
    assert own.min() >= 0.5
    assert own.max() <= 1
    others = np.roll(np.eye(count), 1, axis=0).astype(bool)
    np.testing.assert_allclose(mixed_target.numpy()[others], 1 - own, atol=1e-6)


def test_a_small_alpha_mixes_little() -> None:
    image, target = tf.zeros([200, 1, 1, 1]), tf.eye(200)
    little = np.diag(mixup(image, target, SEED, 0.1)[1]).mean()
    much = np.diag(mixup(image, target, SEED, 2.0)[1]).mean()
    assert little > 0.9 > 0.8 > much


def test_unknown_targets_stay_unknown() -> None:
    target = tf.constant([[1.0, np.nan], [0.0, 1.0], [0.0, 0.0]])
    _, mixed = mixup(tf.zeros([3, 2, 2, 1]), target, SEED, 0.4)
    np.testing.assert_array_equal(np.isnan(mixed), [[False, True], [False, True], [False, False]])
