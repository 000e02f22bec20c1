"""Noise and erased boxes, by count."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from tfmed.transforms.degrade import erase, noise

SEED = tf.constant([7, 8], tf.int32)


def images(*shape: int) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, SEED)


def test_noise_has_mean_zero_and_the_deviation_that_was_drawn() -> None:
    image = tf.zeros([40, 64, 64, 1])
    made = noise(image, SEED, amount=0.2).numpy().reshape(40, -1)
    np.testing.assert_allclose(made.mean(axis=1), 0, atol=0.02)
    deviations = made.std(axis=1)
    assert deviations.max() < 0.205
    assert 0.07 < deviations.mean() < 0.13


@pytest.mark.parametrize("shape", [(30, 20, 24, 1), (30, 8, 12, 12, 3)])
def test_erase_fills_one_box_with_the_mean(shape: tuple[int, ...]) -> None:
    image = images(*shape)
    made = erase(image, SEED, amount=0.5).numpy()
    for before, after in zip(image.numpy(), made, strict=True):
        changed = (before != after).any(axis=-1)
        box = ndimage.find_objects(changed.astype(int))[0]
        assert changed[box].all()
        for part, length in zip(box, before.shape[:-1], strict=True):
            assert 1 <= part.stop - part.start <= 0.5 * length + 1
        np.testing.assert_allclose(after[changed], before.mean(), atol=1e-5)


@pytest.mark.parametrize("transform", [noise, erase])
def test_an_image_that_is_not_chosen_stays(transform) -> None:
    image = images(40, 8, 8, 1)
    made = transform(image, SEED, amount=0.5, probability=0.5).numpy()
    same = (made == image.numpy()).all(axis=(1, 2, 3))
    assert 8 < same.sum() < 32
    np.testing.assert_array_equal(transform(image, SEED, amount=0.5, probability=0.0), image)
