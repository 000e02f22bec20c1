"""Images and masks are reversed alike, exactly."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tfmed.errors import ConfigError
from tfmed.transforms.mirror import flip, mirror

SEED = tf.constant([1, 2])


def pair(shape: tuple[int, ...] = (10, 12), count: int = 6) -> tuple[tf.Tensor, tf.Tensor]:
    draw = np.random.default_rng(0)
    image = tf.constant(draw.normal(size=(count, *shape, 1)), tf.float32)
    return image, tf.constant(draw.integers(0, 3, (count, *shape)), tf.int32)


def ramp(*shape: int) -> tf.Tensor:
    return tf.reshape(tf.range(np.prod(shape), dtype=tf.float32), shape)


def test_mirrors_turn_image_and_mask_exactly() -> None:
    mask = pair((4, 5, 6), 40)[1]
    image = tf.cast(mask, tf.float32)[..., tf.newaxis]
    found, labels = mirror(image, mask, SEED, axes=[0, 2])
    np.testing.assert_array_equal(found[..., 0], labels)
    counts = dict.fromkeys([(1, 1), (-1, 1), (1, -1), (-1, -1)], 0)
    for before, after in zip(mask.numpy(), labels.numpy(), strict=True):
        for first, last in counts:
            counts[first, last] += np.array_equal(after, before[::first, :, ::last])
    assert sum(counts.values()) == 40
    assert min(counts.values()) >= 3


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="axes 0 to 1, not 2"):
        mirror(*pair(), SEED, axes=[2])


def test_flip_reverses_some_images() -> None:
    image = tf.tile(ramp(1, 3, 2, 2, 1), [50, 1, 1, 1, 1])
    made = flip(image, None, SEED, axis=1)[0].numpy()
    turned = (made == image.numpy()[:, ::-1]).all(axis=(1, 2, 3, 4))
    assert 15 < turned.sum() < 35
    np.testing.assert_array_equal(made[~turned], image.numpy()[~turned])
    last = flip(image, None, SEED, axis=-2, probability=1)[0]
    np.testing.assert_array_equal(last, image[..., ::-1, :])


@pytest.mark.parametrize("axis", [0, 4, -1])
def test_flip_of_batch_or_channels_is_refused(axis: int) -> None:
    with pytest.raises(ConfigError, match="axis"):
        flip(ramp(1, 3, 2, 2, 1), None, SEED, axis=axis)
